#pragma once
/* A text on a screen (lib/ocr.h). One thread at a time. */
#include "host/analysis/find/match.h"
#include "lib/ocr.h"

typedef struct TbWordsFound {
        bool found;
        double score; /* of the worst word, as Tesseract is sure of it, 0..1 */
        TbRect at;
} TbWordsFound;
/* Words in a row that say `text`, in any case, blanks of any number, within `where`. False with an error: Tesseract could not look.
 * `ret_seen`: all that was read, in small letters; the caller frees. */
bool tb_words_look(TbOcr *ocr, const TbGreyImage *screen, TbRect where, const char *text, gint64 until_us,
                   TbWordsFound *ret, char **ret_seen, GError **error);
