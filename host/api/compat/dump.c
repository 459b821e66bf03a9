/* The elements of a phone's screen: `uiautomator dump` through its shell, read in turns of the loop. */
#include <string.h>

#include "host/api/compat/elements.h"
#include "host/api/compat/private.h"
#include "lib/limits.h"

#define TURN_BYTES (16 * 1024) /* some 0.3 ms */
#define TIMEOUT_S 30           /* it waits until the screen is still, for 10 s at most */

/* It prints where it wrote, and on some Android versions ends with 0 though it has not: then there is no file. */
static const char command[] =
        "f=/data/local/tmp/testbed-ui-$$.xml; uiautomator dump --compressed $f >&2 && cat $f; "
        "r=$?; rm -f $f; exit $r";

typedef struct Dump { /* counted (g_rc_box): by its command, and by its turns */
        TbApi *api;
        TbRequest *request; /* ref */
        TbCompatDumped then;
        gpointer data; /* owned */
        GDestroyNotify free_data;
        char *text; /* owned */
        gsize size, at;
        TbElements *elements; /* owned */
        guint turn;           /* source; 0: none */
} Dump;

static void dump_clear(gpointer data)
{
        Dump *d = data;
        if (d->free_data)
                d->free_data(d->data);
        g_free(d->text);
        tb_elements_free(d->elements);
        tb_request_unref(d->request);
}

static void dump_unref(gpointer data)
{
        g_rc_box_release_full(data, dump_clear);
}

/* No turn comes any more. */
static void end_turns(Dump *d)
{
        tb_request_on_gone(d->request, NULL, NULL);
        d->turn = 0;
        dump_unref(d);
}

static void gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        Dump *d = data;
        g_source_remove(d->turn);
        d->turn = 0;
        dump_unref(d);
}

static gboolean turn(gpointer data)
{
        Dump *d = data;
        g_autoptr(GError) error = NULL;
        json_auto_t *elements = NULL;
        gsize n = MIN(d->size - d->at, TURN_BYTES);
        bool ok = tb_elements_feed(d->elements, d->text + d->at, n, &error);
        d->at += n;
        if (ok && d->at < d->size)
                return G_SOURCE_CONTINUE;
        if (ok)
                elements = tb_elements_end(d->elements, &error);
        g_rc_box_acquire(d);
        end_turns(d);
        if (elements)
                d->then(d->api, d->request, elements, d->data);
        else
                tb_request_reply_error(d->request, error);
        dump_unref(d);
        return G_SOURCE_REMOVE;
}

static void say_failed(TbRequest *request, json_t *result)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *words = g_strdup(json_string_value(json_object_get(result, "stderr")));
        g_strstrip(words);
        tb_set_error(&error, TB_ERROR_DEVICE, "uiautomator on %s could not dump the screen: %.300s",
                     tb_compat_device_id(request), *words ? words : "it said nothing");
        tb_request_reply_error(request, error);
}

static void printed(TbRequest *request, json_t *result, gpointer data)
{
        Dump *d = data;
        json_t *text = json_object_get(result, "stdout");
        if (json_integer_value(json_object_get(result, "exit_code")) != 0 || json_string_length(text) == 0) {
                say_failed(request, result);
                return;
        }
        d->size = json_string_length(text);
        if (d->size > TB_LIMIT_UI_DUMP) {
                g_autoptr(GError) error = NULL;
                tb_set_error(&error, TB_ERROR_TOO_LARGE, "the dump of the screen is larger than %d bytes",
                             TB_LIMIT_UI_DUMP);
                tb_request_reply_error(request, error);
                return;
        }
        d->text = g_memdup2(json_string_value(text), d->size);
        d->elements = tb_elements_new();
        g_rc_box_acquire(d);
        d->turn = g_idle_add(turn, d);
        tb_request_on_gone(request, gone, d);
}

void tb_compat_dump(TbApi *api, TbRequest *request, TbCompatDumped then, gpointer data,
                    GDestroyNotify free_data)
{
        TbInterface *shell = tb_compat_interface(api, request, TB_KIND_SHELL);
        if (!shell) {
                if (free_data)
                        free_data(data);
                return;
        }
        Dump *d = g_rc_box_new0(Dump);
        *d = (Dump){.api = api,
                    .request = tb_request_ref(request),
                    .then = then,
                    .data = data,
                    .free_data = free_data};
        tb_compat_run(api, request, shell, "run",
                      json_pack("{s:s, s:i}", "command", command, "timeout_s", TIMEOUT_S), printed, d,
                      dump_unref);
}
