// While an order is under way the page looks again, until its outcome is there. Without this script there is the link.
// By GET, also where the page answered a form: a reload would send that form once more, as an order that nobody gave.
setTimeout(() => location.replace(location.pathname + location.search), 2000);
