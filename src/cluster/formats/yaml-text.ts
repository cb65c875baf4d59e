import { Document, isScalar, visit } from "yaml";

/**
 * YAML that every reader takes alike: strings that YAML 1.1 (kubectl) or 1.2 would read as numbers, truth values or dates are
 * quoted, long ones are not folded, and nothing is an alias.
 */
export function yamlText(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (isScalar(node) && typeof node.value === "string" && isAmbiguous(node.value)) {
        node.type = "QUOTE_DOUBLE";
      }
    },
  });
  return document.toString({ lineWidth: 0 });
}

/**
 * A number, a time, a date, a truth value or a key of YAML 1.1. What YAML 1.2 knows besides, `yaml` quotes by itself. Blanks
 * at the start are quoted, too: `yaml` 2.9 loses them in a block.
 */
function isAmbiguous(text: string): boolean {
  if (/^\s/.test(text)) return true;
  return /^[+-]?(?:[\d.]|e[+-]?\d)/i.test(text) || /^(?:y|n|yes|no|on|off|=|<<)$/i.test(text);
}
