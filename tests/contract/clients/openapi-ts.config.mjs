// Node reads the generated modules as they are, so their imports name files.
export default {
  input: "openapi-client.json",
  output: { path: "hey_api", module: { extension: ".js" } },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};
