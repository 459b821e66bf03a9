#include "lib/ocr.h"

#include <dlfcn.h>
#include <string.h>

#include "lib/error.h"

#define LIBRARY "libtesseract.so.5", "libtesseract.so.4"
#define SCALE 2          /* letters of a screen are small for it: it was trained on 300 dpi */
#define DPI 192          /* of that */
#define LEVEL_LINE 2     /* RIL_TEXTLINE of tesseract/publictypes.h */
#define LEVEL_WORD 3     /* RIL_WORD */
#define WORDS_MOST 10000 /* of one screen */
#define PAGE_SPARSE 11   /* PSM_SPARSE_TEXT: a screen is no page */

/* capi.h of Tesseract 5; handles are opaque. */
typedef struct Api {
        void *(*create)(void);
        void (*destroy)(void *api);
        int (*init)(void *api, const char *path, const char *language);
        void (*set_image)(void *api, const unsigned char *pixels, int width, int height, int bytes,
                          int stride);
        void (*set_resolution)(void *api, int dpi);
        void (*set_mode)(void *api, int mode);
        int (*recognize)(void *api, void *monitor);
        void *(*iterator)(void *api);
        void (*clear)(void *api);
        int (*next)(void *iterator, int level);
        char *(*text)(const void *iterator, int level);
        float (*confidence)(const void *iterator, int level);
        const void *(*page)(const void *iterator);
        int (*box)(const void *page, int level, int *left, int *top, int *right, int *bottom);
        int (*begins)(const void *page, int level);
        void (*free_iterator)(void *iterator);
        void (*free_text)(const char *text);
        void *(*monitor)(void);
        void (*free_monitor)(void *monitor);
        void (*deadline)(void *monitor, int ms);
        const char *(*version)(void);
} Api;

struct TbOcr {
        Api api;
        void *handle;      /* owned */
        GByteArray *large; /* owned: what is read, enlarged */
};

/* POSIX has symbols of functions as void *. */
static bool load(void *library, const char *name, void *ret)
{
        void *symbol = dlsym(library, name);
        memcpy(ret, &symbol, sizeof symbol);
        return symbol != NULL;
}

static bool load_all(void *l, Api *a)
{
        return load(l, "TessBaseAPICreate", &a->create) && load(l, "TessBaseAPIDelete", &a->destroy) &&
               load(l, "TessBaseAPIInit3", &a->init) && load(l, "TessBaseAPISetImage", &a->set_image) &&
               load(l, "TessBaseAPISetSourceResolution", &a->set_resolution) &&
               load(l, "TessBaseAPISetPageSegMode", &a->set_mode) &&
               load(l, "TessBaseAPIRecognize", &a->recognize) &&
               load(l, "TessBaseAPIGetIterator", &a->iterator) && load(l, "TessBaseAPIClear", &a->clear) &&
               load(l, "TessResultIteratorNext", &a->next) &&
               load(l, "TessResultIteratorGetUTF8Text", &a->text) &&
               load(l, "TessResultIteratorConfidence", &a->confidence) &&
               load(l, "TessResultIteratorGetPageIteratorConst", &a->page) &&
               load(l, "TessPageIteratorBoundingBox", &a->box) &&
               load(l, "TessPageIteratorIsAtBeginningOf", &a->begins) &&
               load(l, "TessVersion", &a->version) &&
               load(l, "TessResultIteratorDelete", &a->free_iterator) &&
               load(l, "TessDeleteText", &a->free_text) && load(l, "TessMonitorCreate", &a->monitor) &&
               load(l, "TessMonitorDelete", &a->free_monitor) &&
               load(l, "TessMonitorSetDeadlineMSecs", &a->deadline);
}

TbOcr *tb_ocr_new(const char *language, GError **error)
{
        static const char *const names[] = {LIBRARY};
        TbOcr *ocr = g_new0(TbOcr, 1);
        void *library = NULL; /* stays: it has threads of its own */
        for (guint i = 0; i < G_N_ELEMENTS(names) && !library; i++)
                library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!library || !load_all(library, &ocr->api)) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "this machine cannot read text: install Tesseract there (Debian: libtesseract5 "
                             "and tesseract-ocr-eng)");
                tb_ocr_free(ocr);
                return NULL;
        }
        ocr->handle = ocr->api.create();
        if (!ocr->handle || ocr->api.init(ocr->handle, NULL, language) != 0) {
                tb_error_set_field(
                        error, TB_ERROR_UNSUPPORTED, "language",
                        "Tesseract has no data for \"%s\" on this machine (Debian: tesseract-ocr-%s)",
                        language, language);
                tb_ocr_free(ocr);
                return NULL;
        }
        ocr->large = g_byte_array_new();
        ocr->api.set_mode(ocr->handle, PAGE_SPARSE);
        return ocr;
}

void tb_ocr_free(TbOcr *ocr)
{
        if (!ocr)
                return;
        if (ocr->handle)
                ocr->api.destroy(ocr->handle);
        if (ocr->large)
                g_byte_array_unref(ocr->large);
        g_free(ocr);
}

const char *tb_ocr_version(const TbOcr *ocr)
{
        return ocr->api.version();
}

static void enlarge(const guint8 *grey, gsize stride, TbRect r, GByteArray *to)
{
        gsize width = (gsize)r.width * SCALE, height = (gsize)r.height * SCALE;
        g_byte_array_set_size(to, (guint)(width * height));
        for (gsize y = 0; y < height; y++) {
                const guint8 *in = grey + ((gsize)r.y + y / SCALE) * stride + r.x;
                guint8 *out = to->data + y * width;
                for (gsize x = 0; x < width; x++)
                        out[x] = in[x / SCALE];
        }
}

static void word_clear(gpointer word)
{
        g_free(((TbOcrWord *)word)->text);
}

static GArray *words_new(void)
{
        GArray *words = g_array_new(FALSE, FALSE, sizeof(TbOcrWord));
        g_array_set_clear_func(words, word_clear);
        return words;
}

/* `begins` is kept for the first word of a line that is one: words of blanks are left out. */
static GArray *words_of(TbOcr *ocr, TbRect r)
{
        GArray *words = words_new();
        bool begins = true;
        void *it = ocr->api.iterator(ocr->handle);
        for (bool more = it != NULL; more && words->len < WORDS_MOST; more = ocr->api.next(it, LEVEL_WORD)) {
                char *text = ocr->api.text(it, LEVEL_WORD);
                const void *page = ocr->api.page(it);
                int left, top, right, bottom;
                begins = begins || ocr->api.begins(page, LEVEL_LINE);
                if (text && g_utf8_validate(text, -1, NULL) && *g_strstrip(text) &&
                    ocr->api.box(page, LEVEL_WORD, &left, &top, &right, &bottom)) {
                        TbOcrWord word = {.text = g_strdup(text),
                                          .at = {r.x + left / SCALE, r.y + top / SCALE,
                                                 (right - left) / SCALE, (bottom - top) / SCALE},
                                          .sure = (double)ocr->api.confidence(it, LEVEL_WORD) / 100,
                                          .begins = begins};
                        g_array_append_val(words, word);
                        begins = false;
                }
                if (text)
                        ocr->api.free_text(text);
        }
        if (it)
                ocr->api.free_iterator(it);
        return words;
}

GArray *tb_ocr_read(TbOcr *ocr, const guint8 *grey, gsize stride, TbRect where, gint64 until_us,
                    GError **error)
{
        gint64 left_ms = (until_us - g_get_monotonic_time()) / 1000;
        if (where.width < 1 || where.height < 1 || left_ms < 1)
                return words_new();
        enlarge(grey, stride, where, ocr->large);
        int width = where.width * SCALE;
        void *monitor = ocr->api.monitor();
        ocr->api.deadline(monitor, (int)MIN(left_ms, G_MAXINT));
        ocr->api.set_image(ocr->handle, ocr->large->data, width, where.height * SCALE, 1, width);
        ocr->api.set_resolution(ocr->handle, DPI);
        bool ok = ocr->api.recognize(ocr->handle, monitor) == 0;
        ocr->api.free_monitor(monitor);
        if (!ok && g_get_monotonic_time() < until_us) {
                tb_set_error(error, TB_ERROR_INTERNAL, "Tesseract could not read this picture");
                return NULL;
        }
        GArray *words = ok ? words_of(ocr, where) : words_new();
        ocr->api.clear(ocr->handle);
        return words;
}
