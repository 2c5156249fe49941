// Run by Rhino, which comes with veraPDF: no Java compiler is needed. Arguments: standards (3b,ua1), then PDF files.
// Prints a line for each file and standard: path, standard, "ok" or the failed rules, separated by tabs.
var verapdf = Packages.org.verapdf;
verapdf.gf.foundry.VeraGreenfieldFoundryProvider.initialise();
var foundry = verapdf.pdfa.Foundries.defaultInstance();
var paths = arguments.slice(1);
var standards = arguments[0];

function failures(path, name) {
  var flavour = verapdf.pdfa.flavours.PDFAFlavour.fromString(name);
  var parser = foundry.createParser(new java.io.File(path), flavour);
  var validator = foundry.createValidator(flavour, false);
  try {
    var result = validator.validate(parser);
    var failed = {};
    for (var at = 0; at < result.getTestAssertions().size(); at++) {
      var assertion = result.getTestAssertions().get(at);
      var rule = assertion.getRuleId();
      failed[rule.getClause() + '-' + rule.getTestNumber() + ' ' + assertion.getMessage()] = true;
    }
    var found = Object.keys(failed).join('; ').replace(/\s+/g, ' ');
    return found || (result.isCompliant() ? 'ok' : 'not compliant');
  } finally {
    validator.close();
    parser.close();
  }
}

paths.forEach(function (path) {
  standards.split(',').forEach(function (name) {
    print(path + '\t' + name + '\t' + failures(path, name));
  });
});
