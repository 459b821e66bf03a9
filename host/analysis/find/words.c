#include "host/analysis/find/words.h"

#include <dlfcn.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"

#define LIBRARY "libtesseract.so.5", "libtesseract.so.4"
#define SCALE 2          /* letters of a screen are small for it: it was trained on 300 dpi */
#define DPI 192          /* of that */
#define LEVEL_WORD 3     /* RIL_WORD of tesseract/publictypes.h */
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
        void (*free_iterator)(void *iterator);
        void (*free_text)(const char *text);
        void *(*monitor)(void);
        void (*free_monitor)(void *monitor);
        void (*deadline)(void *monitor, int ms);
} Api;

struct TbWords {
        Api api;
        void *handle; /* owned */
        TbGreyImage large;
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
               load(l, "TessResultIteratorDelete", &a->free_iterator) &&
               load(l, "TessDeleteText", &a->free_text) && load(l, "TessMonitorCreate", &a->monitor) &&
               load(l, "TessMonitorDelete", &a->free_monitor) &&
               load(l, "TessMonitorSetDeadlineMSecs", &a->deadline);
}

TbWords *tb_words_new(const char *language, GError **error)
{
        static const char *const names[] = {LIBRARY};
        TbWords *w = g_new0(TbWords, 1);
        void *library = NULL; /* stays: it has threads of its own */
        for (guint i = 0; i < G_N_ELEMENTS(names) && !library; i++)
                library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!library || !load_all(library, &w->api)) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "this host cannot read text: install Tesseract there (Debian: libtesseract5 and "
                             "tesseract-ocr-eng)");
                tb_words_free(w);
                return NULL;
        }
        w->handle = w->api.create();
        if (!w->handle || w->api.init(w->handle, NULL, language) != 0) {
                tb_error_set_field(error, TB_ERROR_UNSUPPORTED, "language",
                                   "Tesseract has no data for \"%s\" on this host (Debian: tesseract-ocr-%s)",
                                   language, language);
                tb_words_free(w);
                return NULL;
        }
        w->api.set_mode(w->handle, PAGE_SPARSE);
        return w;
}

void tb_words_free(TbWords *w)
{
        if (!w)
                return;
        if (w->handle)
                w->api.destroy(w->handle);
        tb_grey_image_clear(&w->large);
        g_free(w);
}

static void enlarge(const TbGreyImage *from, TbRect r, TbGreyImage *to)
{
        tb_grey_image_set(to, r.width * SCALE, r.height * SCALE);
        for (int y = 0; y < to->height; y++) {
                const guint8 *in = from->at + (gsize)(r.y + y / SCALE) * (gsize)from->width + r.x;
                guint8 *out = to->at + (gsize)y * (gsize)to->width;
                for (int x = 0; x < to->width; x++)
                        out[x] = in[x / SCALE];
        }
}

/* --- words in a row --- */
typedef struct Word {
        char *text; /* owned: case folded */
        TbRect at;
        double sure;
} Word;

static void word_clear(gpointer word)
{
        g_free(((Word *)word)->text);
}

static GArray *read_words(TbWords *w, TbRect r)
{
        GArray *words = g_array_new(FALSE, FALSE, sizeof(Word));
        g_array_set_clear_func(words, word_clear);
        void *it = w->api.iterator(w->handle);
        for (bool more = it != NULL; more && words->len < WORDS_MOST; more = w->api.next(it, LEVEL_WORD)) {
                char *text = w->api.text(it, LEVEL_WORD);
                int left, top, right, bottom;
                if (text && g_utf8_validate(text, -1, NULL) && *g_strstrip(text) &&
                    w->api.box(w->api.page(it), LEVEL_WORD, &left, &top, &right, &bottom)) {
                        Word word = {g_utf8_casefold(text, -1),
                                     {r.x + left / SCALE, r.y + top / SCALE, (right - left) / SCALE,
                                      (bottom - top) / SCALE},
                                     (double)w->api.confidence(it, LEVEL_WORD) / 100};
                        g_array_append_val(words, word);
                }
                if (text)
                        w->api.free_text(text);
        }
        if (it)
                w->api.free_iterator(it);
        return words;
}

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
                const Word *w = &g_array_index(words, Word, from + i);
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

bool tb_words_look(TbWords *w, const TbGreyImage *screen, TbRect where, const char *text, gint64 until_us,
                   TbWordsFound *ret, char **ret_seen, GError **error)
{
        TbRect r = {MAX(where.x, 0), MAX(where.y, 0), 0, 0};
        r.width = MIN(where.x + where.width, screen->width) - r.x;
        r.height = MIN(where.y + where.height, screen->height) - r.y;
        *ret = (TbWordsFound){0};
        gint64 left_ms = (until_us - g_get_monotonic_time()) / 1000;
        if (r.width < 1 || r.height < 1 || left_ms < 1) {
                *ret_seen = g_strdup("");
                return true;
        }
        enlarge(screen, r, &w->large);
        void *monitor = w->api.monitor();
        w->api.deadline(monitor, (int)MIN(left_ms, G_MAXINT));
        w->api.set_image(w->handle, w->large.at, w->large.width, w->large.height, 1, w->large.width);
        w->api.set_resolution(w->handle, DPI);
        bool ok = w->api.recognize(w->handle, monitor) == 0;
        w->api.free_monitor(monitor);
        if (!ok && g_get_monotonic_time() < until_us) {
                tb_set_error(error, TB_ERROR_INTERNAL, "Tesseract could not read this picture");
                return false;
        }
        g_autoptr(GArray) words = ok ? read_words(w, r) : g_array_new(FALSE, FALSE, sizeof(Word));
        g_autofree char *folded = g_utf8_casefold(text, -1);
        g_auto(GStrv) asked = g_strsplit_set(g_strstrip(folded), " \t\n", -1);
        guint n = 0;
        for (guint i = 0; asked[i]; i++) { /* empty ones are blanks in a row */
                if (*asked[i])
                        asked[n++] = asked[i];
                else
                        g_free(asked[i]);
        }
        asked[n] = NULL;
        for (guint i = 0; i < words->len && !ret->found; i++)
                if (!matches(words, i, asked, ret))
                        *ret = (TbWordsFound){0};
        g_autoptr(GString) seen = g_string_new(NULL);
        for (guint i = 0; i < words->len; i++)
                g_string_append_printf(seen, "%s%s", i ? " " : "", g_array_index(words, Word, i).text);
        *ret_seen = g_string_free(g_steal_pointer(&seen), FALSE);
        w->api.clear(w->handle);
        return true;
}
