#pragma once
/*
 * Text on a screen, by Tesseract (its C API, 4.1 and 5), which is loaded when it is first asked for: who does not look for text needs
 * none of it. One thread at a time.
 */
#include "host/analysis/find/match.h"

typedef struct TbWords TbWords;

/* `language`: "eng", "eng+deu". UNSUPPORTED: it is not installed, and which package has it. */
TbWords *tb_words_new(const char *language, GError **error);
void tb_words_free(TbWords *words); /* accepts NULL */

typedef struct TbWordsFound {
        bool found;
        double score; /* of the worst word, as Tesseract is sure of it, 0..1 */
        TbRect at;
} TbWordsFound;
/* Words in a row that say `text`, in any case, blanks of any number, within `where`. False with an error: Tesseract could not look.
 * `ret_seen`: all that was read; the caller frees. */
bool tb_words_look(TbWords *words, const TbGreyImage *screen, TbRect where, const char *text, gint64 until_us,
                   TbWordsFound *ret, char **ret_seen, GError **error);
