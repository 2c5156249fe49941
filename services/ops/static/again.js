// While an order is under way the page looks again, until its outcome is there. Without this script there is the link.
setTimeout(() => location.reload(), 2000);
