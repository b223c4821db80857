// The least that makes VS Code's own client start a server; other extensions for it are built on the same client.
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  // A path: VS Code asks a login shell for its variables, which may not have the PATH that it was started with.
  const server = { command: process.env.OAIMIGRATE, args: ["server"] };
  client = new LanguageClient("oaimigrate", "oaimigrate", server, { documentSelector: [{ language: "python" }] });
  return client.start();
};

exports.deactivate = () => client?.stop();
