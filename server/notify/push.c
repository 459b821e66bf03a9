/* Browsers (Web Push, RFC 8030): whoever has pressed "this browser" is told by his browser, also when no page is open. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/limits_push.h"
#include "server/notify/private.h"
#include "server/notify/push_seal.h"

#define TITLE 120
#define MESSAGE 700 /* letters; less where they are long ones */

static bool is_set(const TbNotifyOptions *o)
{
        return o->push_key != NULL;
}

static bool check(const char *address, GError **error)
{
        TbPushTo to;
        bool ok = tb_push_to_parse(address, &to, error);
        tb_push_to_clear(&to);
        return ok;
}

/* Nobody makes the server send to addresses of the network that it is in. */
static bool may(const TbNotifyOptions *o, const char *address, GError **error)
{
        TbPushTo to;
        if (!tb_push_to_parse(address, &to, error))
                return false;
        bool ok = tb_push_is_service(to.endpoint, o->push_services);
        if (!ok)
                tb_error_set_field(error, TB_ERROR_INVALID, "address",
                                   "the push service of this browser is none that is known here: name its "
                                   "origin in events: push: services");
        tb_push_to_clear(&to);
        return ok;
}

/* As much as a service takes. The caller frees. */
static char *message(const TbNotifyPlace *place, const TbNotifyWhat *what, gsize *ret_size)
{
        g_autofree char *title = tb_words_title(what), *text = tb_words_text(what),
                        *page = tb_words_page(place, what), *short_title = tb_words_cut(title, TITLE);
        const char *id = json_string_value(json_object_get(json_array_get(what->events, 0), "event_id"));
        for (gsize letters = MESSAGE;; letters /= 2) {
                g_autofree char *body = tb_words_cut(text, MAX(letters, 1));
                json_auto_t *o = json_pack("{s:s, s:s, s:s?, s:s?}", "title", short_title, "body", body,
                                           "url", letters ? page : NULL, "tag", id);
                g_autofree char *out = tb_json_text(o, ret_size);
                if (*ret_size <= TB_LIMIT_PUSH_TEXT || !letters)
                        return g_steal_pointer(&out);
        }
}

static bool say(const TbNotifyOptions *o, const TbNotifyPlace *place, const TbNotifyWhat *what, guint stage,
                TbSaid *ret)
{
        guint8 key[TB_PUSH_PRIVATE];
        TbPushTo to;
        if (stage > 0 || !may(o, what->address, NULL) || !tb_push_private_parse(o->push_key, key) ||
            !tb_push_to_parse(what->address, &to, NULL))
                return false;
        gsize size;
        g_autofree char *text = message(place, what, &size),
                        *vapid = tb_push_vapid(key, to.endpoint, o->push_subject, tb_clock_ms() / 1000);
        char *sealed = (char *)tb_push_seal(&to, NULL, NULL, text, size, &ret->ask.size);
        ret->ask.url = tb_said_own(ret, to.endpoint);
        memset(key, 0, sizeof key);
        if (!sealed)
                return false;
        ret->ask.body = tb_said_own(ret, sealed);
        const char **headers = (const char **)tb_said_own(ret, g_malloc0(6 * sizeof(char *)));
        headers[0] = "Content-Type: application/octet-stream";
        headers[1] = "Content-Encoding: aes128gcm";
        headers[2] = "TTL: 43200"; /* of yesterday evening nobody needs to be told tomorrow */
        headers[3] = "Urgency: high";
        headers[4] = tb_said_own(ret, g_strdup_printf("Authorization: %s", vapid));
        ret->ask.headers = headers;
        return true;
}

/* The browser has ended it, or was reset: nobody is there any more (RFC 8030 §7.3). */
static bool is_gone(const TbSendAnswer *answer)
{
        return answer->status == 404 || answer->status == 410;
}

const TbNotifier tb_notifier_push = {.name = "push",
                                     .is_for_people = true,
                                     .is_set = is_set,
                                     .check = check,
                                     .may = may,
                                     .say = say,
                                     .is_gone = is_gone};
