"""The mailer: each letter to each holder, queued, sent, deferred or bounced, with the answer of the mail server."""
