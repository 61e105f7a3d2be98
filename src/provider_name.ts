/** What the one provider of the settings at the top is called, where a name is needed. */
export const UNNAMED = "default";
