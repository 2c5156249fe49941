"""The page of questions, and the forms for enquiries that follow it."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.registration.domain.enquiry import Problems, TypedEnquiry
from services.registration.people import enquiries
from services.registration.people.enquiries import Sent
from services.registration.web.desk_pages import DeskPages, FormText
from shared.errors import NotFound
from shared.programme import EnquiryForm


def add_enquiries(app: FastAPI, pages: DeskPages) -> None:
    ports = pages.ports

    @app.get("/questions")
    def questions(request: Request) -> Response:
        answered = enquiries.answered(pages.language(request), ports)
        return pages.page(request, "questions.html", answered=answered, enquiries=ports.programme.enquiries)

    @app.get("/questions/{id}")
    def form(request: Request, id: str) -> Response:
        return _form_page(request, _form(id), TypedEnquiry(), ports.new_token(), {})

    @app.post("/questions/{id}")
    def send(
        request: Request,
        id: str,
        qualification: FormText = "",
        name: FormText = "",
        pass_number: FormText = "",
        birth_date: FormText = "",
        registered_address: FormText = "",
        wanted_address: FormText = "",
        phone: FormText = "",
        message: FormText = "",
        nonce: FormText = "",
    ) -> Response:
        form = _form(id)
        typed = TypedEnquiry(
            qualification, name, pass_number, birth_date, registered_address, wanted_address, phone, message
        )
        result = enquiries.send(form, typed, nonce, pages.source(request), pages.language(request), ports)
        if isinstance(result, Sent):
            desk = ports.programme.desks[result.desk]
            return pages.page(
                request, "enquiry_sent.html", sent=result, desk=desk, form=form, enquiries=ports.programme.enquiries
            )
        if result == "limit":
            return pages.page(request, "limited.html", 429, desk=None)
        return _form_page(request, form, typed, nonce, result)

    def _form_page(
        request: Request, form: EnquiryForm, typed: TypedEnquiry, nonce: str, problems: Problems
    ) -> Response:
        return pages.page(
            request,
            "enquiry.html",
            422 if problems else 200,
            form=form,
            typed=typed,
            nonce=nonce,
            problems=problems,
            enquiries=ports.programme.enquiries,
        )

    def _form(id: str) -> EnquiryForm:
        form = enquiries.form_of(id, ports)
        if form is None:
            raise NotFound("no such form")
        return form
