/** Variables of the environment in values: `${NAME}`, nothing for one that is not set; `$${NAME}` stays as it is. */
export function expandEnvironment(text: string, env: NodeJS.ProcessEnv = process.env): string {
  return text.replace(/(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, dollar: string, name: string) =>
    dollar === '' ? (env[name] ?? '') : `\${${name}}`,
  )
}
