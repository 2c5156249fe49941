// Copy a text; show a password; bring an opened choice onto the screen; send a form once. Buttons that need this script are hidden until it runs.
// data-copy names a field, or an element whose content is copied with its looks: then data-html and data-plain name the
// fields that hold it as HTML and as text. A link with data-copy leads to its text where there is no script.
for (const button of document.querySelectorAll('[data-copy]')) {
  const {copy, html, plain, done} = button.dataset;
  const shown = document.getElementById(copy);
  const status = document.getElementById(`${copy}-status`);
  button.hidden = false;
  button.addEventListener('click', async event => {
    event.preventDefault();
    select(shown);
    try {
      await write(html ? {'text/html': value(html), 'text/plain': value(plain)} : {'text/plain': value(copy)});
    } catch {
      document.execCommand('copy'); // no clipboard API: plain http, or the browser refused
    }
    status.textContent = done;
    status.scrollIntoView({block: 'nearest'}); // on a phone it may be below the screen
  });
}

const value = id => document.getElementById(id).value;

function select(shown) {
  if ('value' in shown) shown.select();
  else getSelection().selectAllChildren(shown);
}

function write(texts) {
  const typed = Object.entries(texts).map(([type, text]) => [type, new Blob([text], {type})]);
  return navigator.clipboard.write([new ClipboardItem(Object.fromEntries(typed))]);
}

for (const button of document.querySelectorAll('[data-reveal]')) {
  const field = document.getElementById(button.dataset.reveal);
  const show = button.textContent;
  button.hidden = false;
  button.addEventListener('click', () => {
    const hidden = field.type === 'password';
    field.type = hidden ? 'text' : 'password';
    button.textContent = hidden ? button.dataset.hide : show;
  });
  field.form.addEventListener('submit', () => { field.type = 'password'; });
}

// On a phone what a press has opened may be below the screen.
for (const choice of document.querySelectorAll('details.choice')) {
  choice.addEventListener('toggle', () => choice.open && choice.scrollIntoView({block: 'nearest'}));
}

// Two presses in quick succession are one: the second would find the link used, or the order placed. After a while the form
// can be sent again: the first answer may have been lost.
const AGAIN_AFTER = 10_000;
for (const form of document.querySelectorAll('form[method=post]')) {
  let sent = -Infinity;
  form.addEventListener('submit', event => {
    if (event.timeStamp - sent < AGAIN_AFTER) event.preventDefault();
    else sent = event.timeStamp;
  });
  addEventListener('pageshow', () => { sent = -Infinity; }); // the browser kept the page, and somebody came back to it
}
