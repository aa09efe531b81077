/* The language of the page: its texts, and the locale of its numbers and times. English texts are the keys of the table
   that the server puts in front of the scripts for another language (dashapp/languages). */
(function (app) {
  "use strict";

  const VALUE = /\{(\w+)\}/g;
  const { language = "en", texts = {}, labels = {}, sentences = {}, phrases = [] } = app.languageTable ?? {};

  // The viewer's own variant of the language has its own dates, such as those of en-GB.
  app.locale = navigator.languages.find((tag) => tag === language || tag.startsWith(`${language}-`)) ?? language;
  const plurals = new Intl.PluralRules(language);
  const counts = new Intl.NumberFormat(app.locale, { maximumFractionDigits: 0 });

  const fill = (text, values) => text.replace(VALUE, (all, name) => (Object.hasOwn(values, name) ? values[name] : all));
  const find = (table, text) => (Object.hasOwn(table, text) ? table[text] : undefined);

  /* A translated text with `values` in place of `{name}`. */
  app.fillText = fill;

  /* An English text in the language of the page, with `values` in place of `{name}`. */
  app.translate = function (text, values = {}) {
    return fill(find(texts, text) ?? text, values);
  };

  /* A text with a `{count}`. `one` is the English text for 1; other languages have their own plural forms. */
  app.translateCount = function (text, one, count, values = {}) {
    const own = find(texts, text);
    const form = own === undefined ? (count === 1 ? one : text) : typeof own === "string" ? own : own[plurals.select(count)] ?? own.other;
    return fill(form, { count: counts.format(count), ...values });
  };

  /* Patterns for sentences with values: the longest first, because others may match parts of it. */
  function compile(table) {
    return Object.entries(table)
      .filter(([text]) => text.includes("{"))
      .sort(([one], [other]) => other.length - one.length)
      .map(([text, translated]) => {
        const names = [...text.matchAll(VALUE)].map((match) => match[1]);
        const parts = text.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
        return { pattern: new RegExp(`^${parts.join("(.+?)")}$`, "s"), names, translated };
      });
  }

  function match(table, patterns, text) {
    const exact = find(table, text);
    if (exact !== undefined) return exact;
    for (const { pattern, names, translated } of patterns) {
      const found = pattern.exec(text);
      if (found) return fill(translated, Object.fromEntries(names.map((name, index) => [name, app.translateSentence(found[index + 1])])));
    }
    return null;
  }

  const sentencePatterns = compile(sentences);
  const labelPatterns = new Map(Object.entries(labels).map(([panel, table]) => [panel, compile(table)]));

  /* A sentence of a response, such as an event or a notice; the same text if the language does not have it. */
  app.translateSentence = function (text) {
    return match(sentences, sentencePatterns, text) ?? text;
  };

  /* The label of a metric. Only the panels of the machine have labels of ours. `host`: it may begin with this name. */
  app.translateLabel = function ({ label, panel }, host = "") {
    if (!labelPatterns.has(panel)) return label;
    const prefix = host && label.startsWith(`${host} `) ? `${host} ` : "";
    return prefix + (match(labels[panel], labelPatterns.get(panel), label.slice(prefix.length)) ?? label.slice(prefix.length));
  };

  /* A viewer's text with the words for times in English, which the search understands. */
  app.toEnglishPhrase = function (text) {
    return phrases.reduce((phrase, [pattern, english]) => phrase.replace(new RegExp(pattern, "gu"), english), text);
  };
})((window.dashapp = window.dashapp || {}));
