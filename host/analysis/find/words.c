#include "host/analysis/find/words.h"

#include <string.h>

static TbRect both(TbRect a, TbRect b)
{
        int x = MIN(a.x, b.x), y = MIN(a.y, b.y);
        return (TbRect){x, y, MAX(a.x + a.width, b.x + b.width) - x, MAX(a.y + a.height, b.y + b.height) - y};
}

/* The words asked for follow each other; the first may begin, and the last end, inside a longer one ("login:"). */
static bool matches(const GArray *words, guint from, char **asked, TbWordsFound *ret)
{
        guint n = g_strv_length(asked);
        *ret = (TbWordsFound){.found = true, .score = 1};
        for (guint i = 0; i < n; i++) {
                if (from + i >= words->len)
                        return false;
                const TbOcrWord *w = &g_array_index(words, TbOcrWord, from + i);
                bool first = i == 0, last = i == n - 1;
                if (!(first && last ? strstr(w->text, asked[i]) != NULL
                      : first       ? g_str_has_suffix(w->text, asked[i])
                      : last        ? g_str_has_prefix(w->text, asked[i])
                                    : g_str_equal(w->text, asked[i])))
                        return false;
                ret->at = first ? w->at : both(ret->at, w->at);
                ret->score = MIN(ret->score, w->sure);
        }
        return n > 0;
}

/* The words of `text` as they are compared. */
static char **asked_of(const char *text)
{
        g_autofree char *folded = g_utf8_casefold(text, -1);
        char **asked = g_strsplit_set(g_strstrip(folded), " \t\n", -1);
        guint n = 0;
        for (guint i = 0; asked[i]; i++) { /* empty ones are blanks in a row */
                if (*asked[i])
                        asked[n++] = asked[i];
                else
                        g_free(asked[i]);
        }
        asked[n] = NULL;
        return asked;
}

bool tb_words_look(TbOcr *ocr, const TbGreyImage *screen, TbRect where, const char *text, gint64 until_us,
                   TbWordsFound *ret, char **ret_seen, GError **error)
{
        TbRect r = {MAX(where.x, 0), MAX(where.y, 0), 0, 0};
        r.width = MIN(where.x + where.width, screen->width) - r.x;
        r.height = MIN(where.y + where.height, screen->height) - r.y;
        *ret = (TbWordsFound){0};
        g_autoptr(GArray) words = tb_ocr_read(ocr, screen->at, (gsize)screen->width, r, until_us, error);
        if (!words)
                return false;
        g_auto(GStrv) asked = asked_of(text);
        GString *seen = g_string_new(NULL);
        for (guint i = 0; i < words->len; i++) {
                TbOcrWord *word = &g_array_index(words, TbOcrWord, i);
                char *folded = g_utf8_casefold(word->text, -1);
                g_free(word->text);
                word->text = folded;
                g_string_append_printf(seen, "%s%s", i ? " " : "", folded);
        }
        for (guint i = 0; i < words->len && !ret->found; i++)
                if (!matches(words, i, asked, ret))
                        *ret = (TbWordsFound){0};
        *ret_seen = g_string_free(seen, FALSE);
        return true;
}
