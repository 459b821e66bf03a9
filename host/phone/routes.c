/* REST of the phones. One is added as any device is, with the rights that this needs; the answer waits for its code. */
#include <string.h>

#include "host/phone/phones_private.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/name.h"

#define CODE_MS 8000 /* that an answer waits for the server's code */

typedef struct Waiting {
        TbPhones *phones;   /* borrowed */
        TbRequest *request; /* ref; NULL: the client has left */
        char *name;         /* owned */
        guint timer;
        bool added; /* the device is there */
} Waiting;

/* --- who waits for a code --- */
static void waiting_free(Waiting *w)
{
        g_queue_remove(&w->phones->waiting, w);
        g_clear_handle_id(&w->timer, g_source_remove);
        if (w->request) {
                tb_request_on_gone(w->request, NULL, NULL);
                tb_request_unref(w->request);
        }
        g_free(w->name);
        g_free(w);
}

static void fail(Waiting *w, GError *error_take)
{
        g_autoptr(GError) error = error_take;
        if (w->request)
                tb_request_reply_error(w->request, error);
        waiting_free(w);
}

static void succeed(Waiting *w, const TbPhone *phone)
{
        if (w->request)
                tb_request_reply_json(w->request, 201, tb_phone_json(phone, true));
        waiting_free(w);
}

static TbActor actor_of(TbRequest *request)
{
        return (TbActor){.user = tb_request_user(request),
                         .role = tb_request_role(request),
                         .lease = tb_request_header(request, "X-Lease"),
                         .via = "rest",
                         .request = tb_request_id(request)};
}

/* It came to nothing: the device goes again, so that the same name can be tried later. */
static void give_up(Waiting *w)
{
        TbPhone *phone = tb_phones_find(w->phones, w->name);
        const char *trouble = phone ? tb_phone_trouble(phone) : NULL;
        TbCore *core = w->phones->options.core;
        GError *error = NULL;
        tb_set_error(
                &error, TB_ERROR_UNAVAILABLE, "no code: %s (%s)",
                trouble ? trouble
                        : "the pairing server does not answer; does it run, and is it as new as this host?",
                tb_core_config(core)->server_url);
        if (w->request) {
                const TbActor actor = actor_of(w->request);
                tb_core_command(core, &actor, w->name, "device.remove", NULL, NULL, NULL, NULL);
        }
        fail(w, error);
}

static gboolean on_late(gpointer data)
{
        Waiting *w = data;
        w->timer = 0;
        give_up(w);
        return G_SOURCE_REMOVE;
}

void tb_phones_serve(TbPhones *phones)
{
        for (GList *l = phones->waiting.head; l;) {
                Waiting *w = l->data;
                TbPhone *phone = tb_phones_find(phones, w->name);
                l = l->next;
                if (phone && w->added && tb_phone_has_code(phone))
                        succeed(w, phone);
        }
}

void tb_phones_send_away(TbPhones *phones)
{
        while (phones->waiting.head)
                fail(phones->waiting.head->data,
                     g_error_new_literal(TB_ERROR, TB_ERROR_UNAVAILABLE, "the host is stopping"));
}

static void on_gone(TbRequest *request, gpointer data)
{
        Waiting *w = data;
        w->request = NULL;
        tb_request_unref(request);
}

/* --- add --- */
static void on_added(json_t *result G_GNUC_UNUSED, const GError *error, gpointer data)
{
        Waiting *w = data;
        if (error) {
                fail(w, g_error_copy(error));
                return;
        }
        w->added = true;
        w->timer = g_timeout_add(CODE_MS, on_late, w);
        tb_phones_serve(w->phones);
}

static char *free_name(TbPhones *phones)
{
        for (guint n = 1;; n++) {
                g_autofree char *name = g_strdup_printf("phone%u", n);
                if (!tb_core_device(phones->options.core, name, NULL) && !tb_phones_find(phones, name))
                        return g_steal_pointer(&name);
        }
}

static bool may_add(TbPhones *phones, const char *name, GError **error)
{
        if (!phones->options.say)
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "phones come through a pairing server, and this host has none: say `server: "
                             "{url: …}` in its "
                             "configuration (or SERVER_URL); docs/PHONE.md has the steps");
        else if (name && !tb_name_valid(TB_NAME_ID, name))
                tb_error_set_field(error, TB_ERROR_INVALID, "name", "name must be %s",
                                   tb_name_rule(TB_NAME_ID));
        else if (g_hash_table_size(phones->all) >= TB_LIMIT_PHONES)
                tb_set_error(error, TB_ERROR_LIMIT, "a host has %d phones at most: remove one first",
                             TB_LIMIT_PHONES);
        else
                return true;
        return false;
}

static void add(TbRequest *request, gpointer data)
{
        TbPhones *phones = data;
        g_autoptr(GError) error = NULL;
        const json_t *in = tb_request_json(request);
        const char *asked = json_string_value(json_object_get(in, "name")),
                   *label = json_string_value(json_object_get(in, "label"));
        if (!may_add(phones, asked, &error)) {
                tb_request_reply_error(request, error);
                return;
        }
        Waiting *w = g_new0(Waiting, 1);
        w->phones = phones;
        w->request = tb_request_ref(request);
        w->name = asked ? g_strdup(asked) : free_name(phones);
        g_queue_push_tail(&phones->waiting, w);
        tb_request_on_gone(request, on_gone, w);
        g_autofree char *uri = g_strdup_printf("phone://%s", w->name);
        json_auto_t *spec = json_pack("{s:s, s:s*, s:[s], s:b}", "id", w->name, "label", label, "attach", uri,
                                      "optional", 1);
        const TbActor actor = actor_of(request);
        tb_core_command(phones->options.core, &actor, w->name, "device.add", spec, NULL, on_added, w);
}

/* --- look, remove --- */
static int by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(a, b);
}

static void list(TbRequest *request, gpointer data)
{
        TbPhones *phones = data;
        json_t *all = json_array();
        g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(phones->all), by_name);
        for (GList *l = names; l; l = l->next)
                json_array_append_new(all, tb_phone_json(tb_phones_find(phones, l->data), false));
        tb_request_reply_json(request, 200, all);
}

static TbPhone *asked_for(TbRequest *request, TbPhones *phones)
{
        g_autoptr(GError) error = NULL;
        TbPhone *phone = tb_phones_find(phones, tb_request_arg(request, "name"));
        if (phone)
                return phone;
        tb_set_error(&error, TB_ERROR_NOT_FOUND, "no phone is paired as \"%s\"",
                     tb_request_arg(request, "name"));
        tb_request_reply_error(request, error);
        return NULL;
}

static void get(TbRequest *request, gpointer data)
{
        const TbPhone *phone = asked_for(request, data);
        if (phone)
                tb_request_reply_json(request, 200,
                                      tb_phone_json(phone, tb_request_role(request) >= TB_ROLE_ADMIN));
}

static void on_removed(json_t *result G_GNUC_UNUSED, const GError *error, gpointer data)
{
        TbRequest *request = data;
        if (error)
                tb_request_reply_error(request, error);
        else
                tb_request_reply_empty(request, 204);
        tb_request_unref(request);
}

static void take_away(TbRequest *request, gpointer data)
{
        TbPhones *phones = data;
        const TbPhone *phone = asked_for(request, phones);
        if (!phone)
                return;
        const TbActor actor = actor_of(request);
        tb_core_command(phones->options.core, &actor, tb_phone_device(phone), "device.remove", NULL, NULL,
                        on_removed, tb_request_ref(request));
}

static const TbParam add_params[] = {
        {.name = "name",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "of the phone and its device; phone1, phone2 … by itself"},
        {.name = "label", .type = TB_PARAM_STRING, .max = TB_LIMIT_LABEL, .help = "what people read"},
        TB_PARAM_END,
};

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/phones",
         .role = TB_ROLE_VIEWER,
         .handler = list,
         .tag = "phones",
         .summary = "Phones that are paired with this host, and how they are, in words",
         .answers = "200 application/json PhoneList"},
        {.method = "POST",
         .path = "/host/phones",
         .role = TB_ROLE_ADMIN,
         .body = TB_BODY_JSON,
         .json = add_params,
         .handler = add,
         .tag = "phones",
         .summary = "Add a phone: a device phone://NAME, and the code by which a phone becomes it",
         .answers = "201 application/json Phone; 409; 422"},
        {.method = "GET",
         .path = "/host/phones/{name}",
         .role = TB_ROLE_VIEWER,
         .handler = get,
         .tag = "phones",
         .summary = "One phone; for an admin with its code",
         .answers = "200 application/json Phone"},
        {.method = "DELETE",
         .path = "/host/phones/{name}",
         .role = TB_ROLE_ADMIN,
         .handler = take_away,
         .tag = "phones",
         .summary = "Remove a phone: its device goes, and its code opens nothing any more",
         .answers = "204; 423"},
        {.method = NULL},
};

void tb_phones_add_routes(TbPhones *phones, TbHttp *http)
{
        tb_http_add_routes(http, routes, phones);
}
