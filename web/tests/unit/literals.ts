/** Finds texts that stand in components and pages instead of in the catalogues. */

import { globSync } from "node:fs";
import ts from "typescript";

/** The files of a folder of the site, as paths from the folder of the site. */
export function sources(folder: string, names: RegExp): string[] {
  return globSync(`${folder}/**/*`).filter((file) => names.test(file));
}

/** The attributes that are shown or read out. */
const SHOWN = new Set(["alt", "aria-description", "aria-label", "aria-valuetext", "description", "label"]);
SHOWN.add("placeholder").add("title");

const LETTER = /\p{Letter}/u;

/** The texts of JSX, of the attributes that are shown, and other strings that look like a sentence. */
export function literalsInTsx(text: string): string[] {
  const found: string[] = [];
  const keep = (literal: string) => LETTER.test(literal) && found.push(literal);
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) {
      keep(node.text.trim());
    } else if (ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node)) {
      if (isShown(node) || /^[A-Z][a-z]/.test(node.text)) {
        keep(node.text);
      }
    } else if (!ts.isImportDeclaration(node)) {
      ts.forEachChild(node, visit);
    }
  };
  visit(ts.createSourceFile("file.tsx", text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX));
  return found;
}

/** Whether a string is a child of an element, or in an attribute that is shown. Arguments and comparisons are not. */
function isShown(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isJsxAttribute(parent)) {
    return SHOWN.has(parent.name.getText());
  }
  if (ts.isJsxExpression(parent)) {
    return ts.isJsxAttribute(parent.parent) ? SHOWN.has(parent.parent.name.getText()) : true;
  }
  const isPassedOn =
    (ts.isConditionalExpression(parent) && parent.condition !== node) ||
    ts.isParenthesizedExpression(parent) ||
    ts.isTemplateExpression(parent) ||
    ts.isTemplateSpan(parent) ||
    (ts.isBinaryExpression(parent) && /^(&&|\|\||\?\?|\+)$/.test(parent.operatorToken.getText()));
  return isPassedOn && isShown(parent);
}

/** The texts between tags and in the attributes that are shown, of a template of Astro. */
export function literalsInAstro(text: string): string[] {
  const template = text
    .replace(/^---[\s\S]*?\n---\n/, "")
    .replace(/<(script|style)\b[\s\S]*?<\/\1>/g, "")
    .replace(/\{\/\*[\s\S]*?\*\/\}/g, "");
  const found = [...template.matchAll(/\s([a-z-]+)="([^"]*)"|>([^<>{}]*)(?=[<{])|\}([^<>{}]*)(?=[<{])/g)].flatMap(
    ([, name, value = "", afterTag, afterBrace]) => {
      if (name !== undefined) {
        return SHOWN.has(name) ? [value] : [];
      }
      // The name of an attribute that follows another one.
      const isAttribute = afterBrace?.endsWith("=");
      return isAttribute ? [] : [(afterTag ?? afterBrace ?? "").trim()];
    },
  );
  return found.filter((literal) => LETTER.test(literal));
}
