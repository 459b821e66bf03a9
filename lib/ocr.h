#pragma once
/*
 * Text on pictures, by Tesseract (its C API, 4.1 and 5), which is loaded when it is first asked for: who does not look for text needs
 * none of it. One thread at a time.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/frame.h"

typedef struct TbOcr TbOcr;

typedef struct TbOcrWord {
        char *text;  /* owned: UTF-8, not empty, no blank around it */
        TbRect at;   /* on the picture */
        double sure; /* 0..1 */
        bool begins; /* a line of text */
} TbOcrWord;

/* `language`: "eng", "eng+deu". UNSUPPORTED: it is not installed, and which package has it. */
TbOcr *tb_ocr_new(const char *language, GError **error);
void tb_ocr_free(TbOcr *ocr);                 /* accepts NULL */
const char *tb_ocr_version(const TbOcr *ocr); /* "5.3.0" */
/*
 * The words (TbOcrWord) of `where`, which lies on the picture, in the order of reading: an array of the caller's, empty when `until_us`
 * (monotonic) came first. `grey`: 0..255, rows of `stride` bytes. NULL: Tesseract could not look.
 */
GArray *tb_ocr_read(TbOcr *ocr, const guint8 *grey, gsize stride, TbRect where, gint64 until_us,
                    GError **error);
