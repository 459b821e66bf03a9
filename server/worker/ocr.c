/* The analyser `ocr`: text on the pictures, by Tesseract (lib/ocr.h), where OCR_LANGUAGE names its language. */
#include "lib/ocr.h"

#include "lib/config.h"
#include "lib/limits_look.h"
#include "server/worker/analyser.h"
#include "server/worker/ocr_text.h"

typedef struct Reader {
        TbOcr *ocr;      /* owned */
        TbOcrText *text; /* owned */
} Reader;

static void *open_reader(const char *prompt, GError **error)
{
        const char *language = tb_config_env("OCR_LANGUAGE");
        TbOcr *ocr = language ? tb_ocr_new(language, error) : NULL;
        if (!ocr)
                return NULL;
        Reader *r = g_new0(Reader, 1);
        r->ocr = ocr;
        r->text = tb_ocr_text_new(prompt);
        return r;
}

static bool read_picture(void *self, const TbLookPicture *picture, gint64 until_us, GError **error)
{
        Reader *r = self;
        TbRect all = {0, 0, picture->width, picture->height};
        g_autoptr(GArray) words = tb_ocr_read(r->ocr, picture->at, picture->stride, all, until_us, error);
        if (words)
                tb_ocr_text_add(r->text, words);
        return words != NULL;
}

static void say(void *self, json_t *verdict)
{
        const Reader *r = self;
        g_autofree char *model = g_strdup_printf(
                "%s, tesseract-%s", json_string_value(json_object_get(verdict, "inference_model")),
                tb_ocr_version(r->ocr));
        json_object_set_new(verdict, "inference_model", json_string(model));
        tb_ocr_text_say(r->text, verdict);
}

static void close_reader(void *self)
{
        Reader *r = self;
        tb_ocr_free(r->ocr);
        tb_ocr_text_free(r->text);
        g_free(r);
}

const TbAnalyser tb_analyser_ocr = {
        .name = "ocr",
        .caps = "video/x-raw,format=GRAY8,width=[1,1280],height=[1,1280],pixel-aspect-ratio=1/1",
        .seconds = TB_LIMIT_OCR_S,
        .open = open_reader,
        .look = read_picture,
        .say = say,
        .close = close_reader,
};
