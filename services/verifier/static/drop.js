// Dropping a file on the form, and sending it as soon as it is chosen. Without this script: choose, then press the button.
for (const place of document.querySelectorAll('[data-drop]')) {
  const input = place.querySelector('input[type=file]');
  const over = on => place.classList.toggle('dropfile--over', on);
  place.querySelector('.dropfile__js').hidden = false;
  input.addEventListener('change', () => input.files.length && input.form.requestSubmit());
  place.addEventListener('dragover', event => { event.preventDefault(); over(true); });
  place.addEventListener('dragleave', () => over(false));
  place.addEventListener('drop', event => {
    event.preventDefault();
    over(false);
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event('change'));
  });
}
