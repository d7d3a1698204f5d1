// Reads manifests as a list of JSON from standard input and holds those that Kubernetes itself does not define against
// the schemas of their makers. Prints a line for each fault; the argument is the folder with the npm packages.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const schemas = {
  "gateway.networking.k8s.io/v1 HTTPRoute": ["gateway-api", "IoK8sSigsGatewayApiApisV1HTTPRoute"],
  "gateway.networking.k8s.io/v1 GRPCRoute": ["gateway-api", "IoK8sSigsGatewayApiApisV1GRPCRoute"],
  "keda.sh/v1alpha1 ScaledObject": ["keda", "ComGithubKedacoreKedaV2ApisKedaV1alpha1ScaledObject"],
  "monitoring.coreos.com/v1 ServiceMonitor": [
    "prometheus-operator",
    "ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1ServiceMonitor",
  ],
  "monitoring.coreos.com/v1 PrometheusRule": [
    "prometheus-operator",
    "ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1PrometheusRule",
  ],
};

// A copy that records which of its fields are read. The validators read every field of their schema and let others
// pass: one that nobody has read is unknown.
function watched(value, path, fields) {
  if (value === null || typeof value !== "object") return value;
  const copy = Array.isArray(value) ? [] : {};
  for (const [key, inner] of Object.entries(value)) copy[key] = watched(inner, `${path}/${key}`, fields);
  if (!Array.isArray(value)) for (const key of Object.keys(value)) fields.add(`${path}/${key}`);
  return new Proxy(copy, {
    get(target, key) {
      fields.delete(`${path}/${String(key)}`);
      return target[key];
    },
  });
}

for (const manifest of JSON.parse(readFileSync(0, "utf8"))) {
  const name = `${manifest.kind}/${manifest.metadata.name}`;
  const schema = schemas[`${manifest.apiVersion} ${manifest.kind}`];
  if (!schema) {
    console.log(`${name}: there is no schema for ${manifest.apiVersion}`);
    continue;
  }
  const file = `${process.argv[2]}/node_modules/@kubernetes-models/${schema[0]}/_schemas/${schema[1]}.js`;
  const { validate } = await import(pathToFileURL(file));
  const unread = new Set();
  if (!validate(watched(manifest, "", unread))) {
    for (const error of validate.errors) {
      console.log(`${name}: ${error.instancePath} ${error.keyword} ${JSON.stringify(error.params)}`);
    }
  }
  for (const field of unread) {
    if (![...unread].some((other) => field.startsWith(`${other}/`))) console.log(`${name}: ${field} is unknown`);
  }
}
