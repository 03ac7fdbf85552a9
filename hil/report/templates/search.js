(function () {
  var box = document.getElementById("search"), found = document.getElementById("found");
  var cases = Array.prototype.slice.call(document.querySelectorAll("details.case"));
  var texts = [];
  document.getElementById("tools").hidden = false;
  function textOf(k) {
    if (texts[k] === undefined) { texts[k] = cases[k].textContent.toLowerCase(); }
    return texts[k];
  }
  function search() {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean), count = 0;
    cases.forEach(function (one, k) {
      var shown = words.every(function (word) { return textOf(k).indexOf(word) >= 0; });
      one.hidden = !shown;
      var link = document.querySelector('#contents a[href="#' + one.id + '"]');
      if (link) { link.parentNode.hidden = !shown; }
      count += shown ? 1 : 0;
    });
    found.textContent = words.length ? count + " of " + cases.length + " cases" : "";
  }
  box.addEventListener("input", search);
  function unfold(open) { cases.forEach(function (one) { one.open = open; }); }
  document.getElementById("unfold").addEventListener("click", function () { unfold(true); });
  document.getElementById("fold").addEventListener("click", function () { unfold(false); });
  function follow() {
    var target = document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") { target.hidden = false; target.open = true; target.scrollIntoView(); }
  }
  window.addEventListener("hashchange", follow);
  window.addEventListener("beforeprint", function () { unfold(true); });
  follow();
})();
