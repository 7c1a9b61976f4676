// Fills in templates: `"${NAME}"`, with its quotes, becomes the value as JSON, which is YAML too.

export function fillIn(template, values) {
  return template.replaceAll(/"\$\{(\w+)\}"/g, (_, name) => {
    if (!Object.hasOwn(values, name)) {
      throw new Error(`no value for the placeholder \${${name}}`);
    }
    return JSON.stringify(values[name]);
  });
}
