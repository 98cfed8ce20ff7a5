// All that a request sends has bounds: every string, list, map and number, in parameters, headers and bodies, however deep.

const BOUNDS_OF_TEXT = ["maxLength", "enum", "const", "pattern"];
// Texts of these forms can't grow.
const FIXED = ["uuid", "date", "date-time", "binary"];

const missing = {
  string: (schema) =>
    BOUNDS_OF_TEXT.some((bound) => bound in schema) || FIXED.includes(schema.format)
      ? []
      : ["maxLength, enum, pattern or a format of fixed length"],
  array: (schema) => ["maxItems"].filter((bound) => !(bound in schema)),
  object: (schema) => (typeof schema.additionalProperties === "object" && !("maxProperties" in schema) ? ["maxProperties"] : []),
  integer: numeric,
  number: numeric,
};

function numeric(schema) {
  if ("enum" in schema || "const" in schema) return [];
  const has = (bound) => bound in schema || `exclusive${bound[0].toUpperCase()}${bound.slice(1)}` in schema;
  return ["minimum", "maximum"].filter((bound) => !has(bound));
}

/** Follows a schema of the resolved document, and says what has no bound and where it is. */
function* unbounded(schema, path, above) {
  if (schema === null || typeof schema !== "object" || above.includes(schema)) return;
  const within = [...above, schema];
  for (const type of [schema.type ?? []].flat()) {
    for (const bound of missing[type]?.(schema) ?? []) yield { path, bound };
  }
  for (const word of ["properties", "patternProperties"]) {
    for (const [name, field] of Object.entries(schema[word] ?? {})) yield* unbounded(field, [...path, word, name], within);
  }
  for (const word of ["oneOf", "anyOf", "allOf", "prefixItems"]) {
    for (const [index, part] of (schema[word] ?? []).entries()) yield* unbounded(part, [...path, word, index], within);
  }
  for (const word of ["items", "additionalProperties"]) yield* unbounded(schema[word], [...path, word], within);
}

export default function bounded(operation, _options, context) {
  const found = [];
  const look = (schema, path) => {
    for (const { path: at, bound } of unbounded(schema, path, [])) {
      found.push({ message: `${at.slice(path.length).join("/") || "it"} has no ${bound}`, path: [...context.path, ...at] });
    }
  };
  for (const [index, parameter] of (operation.parameters ?? []).entries()) {
    look(parameter.schema, ["parameters", index, "schema"]);
  }
  for (const [type, media] of Object.entries(operation.requestBody?.content ?? {})) {
    look(media.schema, ["requestBody", "content", type, "schema"]);
  }
  return found;
}
