/* ntfy (https://docs.ntfy.sh/publish/): a message in JSON to the server's root; who has the topic in his app is told. */
#include <string.h>

#include "lib/error.h"
#include "server/notify/private.h"

#define TITLE 250
#define MESSAGE 2000 /* letters; ntfy makes a file of what has more than 4096 bytes */
#define TOPIC_MAX 64

static bool is_set(const TbNotifyOptions *o)
{
        return o->ntfy_url != NULL;
}

static bool check(const char *address, GError **error)
{
        gsize n = strspn(address, "-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
        if (n > 0 && n <= TOPIC_MAX && !address[n])
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "address",
                           "a topic of ntfy has 1 to %d letters, digits, - and _", TOPIC_MAX);
        return false;
}

static bool say(const TbNotifyOptions *o, const TbNotifyPlace *place, const TbNotifyWhat *what, guint stage,
                TbSaid *ret)
{
        if (stage > 0)
                return false;
        g_autofree char *title = tb_words_title(what), *text = tb_words_text(what),
                        *short_title = tb_words_cut(title, TITLE), *message = tb_words_cut(text, MESSAGE),
                        *page = tb_words_page(place, what);
        json_t *body = json_pack("{s:s, s:s, s:s, s:[s]}", "topic", what->address, "title", short_title,
                                 "message", message, "tags", "eyes");
        if (page)
                json_object_set_new(body, "click", json_string(page));
        tb_said_json(ret, o->ntfy_url, body);
        const char **headers = (const char **)tb_said_own(ret, g_malloc0(3 * sizeof(char *)));
        headers[0] = "Content-Type: application/json";
        if (o->ntfy_token)
                headers[1] = tb_said_own(ret, g_strdup_printf("Authorization: Bearer %s", o->ntfy_token));
        ret->ask.headers = headers;
        return true;
}

const TbNotifier tb_notifier_ntfy = {
        .name = "ntfy", .is_for_people = true, .is_set = is_set, .check = check, .say = say};
