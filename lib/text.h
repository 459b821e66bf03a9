#pragma once
/* Bytes of devices as JSON text: what is not UTF-8 becomes U+FFFD, NUL included; words of people as a line. Pure. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* At most `max` bytes of valid UTF-8, cut between characters; what is not UTF-8 becomes U+FFFD. The caller frees it. */
char *tb_text_cut(const char *text, gsize max);
/* What a person wrote (UTF-8), fit for others to read: one line, printable, nothing that turns the direction of writing, at most `max`
 * bytes. The caller frees; empty: "". */
char *tb_text_line(const char *text, gsize max);
/* False: a control character (C1 among them, which terminals obey as well), or one that changes the order or the lines of what is shown. */
bool tb_text_is_shown(gunichar c);
/* Whatever a device said, fit to be shown in the midst of our words: valid UTF-8, without what is not shown, but for line ends and tabs.
 * Takes `text`; the caller frees. */
char *tb_text_shown(char *text);
json_t *tb_text_json(const void *bytes, gsize size); /* `bytes` may be NULL when size is 0; new reference */
