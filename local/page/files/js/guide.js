/** A guide in the colours that were chosen on the page. */

document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "auto";
