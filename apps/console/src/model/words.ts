/** What is typed into a filter, word by word. */
export const wordsOf = (filter: string): string[] => filter.toLowerCase().split(/\s+/).filter(Boolean);

/** Whether each word is somewhere in one of these texts. */
export const haveAll = (words: readonly string[], ...texts: readonly string[]): boolean =>
  words.every(word => texts.some(text => text.toLowerCase().includes(word)));
