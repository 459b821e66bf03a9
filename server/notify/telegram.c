/* A Telegram bot (Bot API: https://core.telegram.org/bots/api): the clip with words under it, the words alone where that is refused. */
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "server/notify/private.h"

#define VIDEO_BYTES (50 * 1000 * 1000) /* that the API takes */
#define CAPTION 1000                   /* letters; 1024 at most */
#define TEXT 4000                      /* letters; 4096 at most */
#define TOKEN_MAX 64

static bool is_set(const TbNotifyOptions *o)
{
        return o->telegram_token != NULL;
}

static bool check(const char *address, GError **error)
{
        gsize n = strspn(address + (*address == '-'), "0123456789") + (*address == '-');
        if (n > 0 && n <= 20 && !address[n] && g_ascii_isdigit(address[n - 1]))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "address",
                           "a chat of Telegram has a number: it is linked by its own token, see "
                           "/notifications/telegram/link/start");
        return false;
}

static bool can_send_clip(const TbNotifyOptions *o, const TbNotifyPlace *place, const TbNotifyWhat *what)
{
        const json_t *event = json_array_get(what->events, 0);
        json_int_t size = json_integer_value(json_object_get(event, "clip_size_bytes"));
        return o->telegram_video && place->clip && json_array_size(what->events) == 1 && size > 0 &&
               size <= VIDEO_BYTES && json_is_string(json_object_get(event, "clip_uploaded_at"));
}

static void say_clip(const TbNotifyOptions *o, const TbNotifyWhat *what, TbSaid *ret)
{
        const json_t *event = json_array_get(what->events, 0);
        const char *mime = json_string_value(json_object_get(event, "clip_mime")),
                   *end = mime && g_str_has_prefix(mime, "video/mp4") ? ".mp4" : ".webm";
        g_autofree char *caption = tb_words_caption(event);
        TbSendField *fields = (TbSendField *)tb_said_own(ret, g_malloc0(4 * sizeof(TbSendField)));
        fields[0] = (TbSendField){"chat_id", what->address};
        fields[1] = (TbSendField){"caption", tb_said_own(ret, tb_words_cut(caption, CAPTION))};
        fields[2] = (TbSendField){"supports_streaming", "true"};
        ret->ask.url =
                tb_said_own(ret, g_strdup_printf("%s/bot%s/sendVideo", o->telegram_url, o->telegram_token));
        ret->ask.fields = fields;
        ret->ask.file_field = "video";
        ret->ask.file_name =
                tb_said_own(ret, g_strdup_printf("clip-%s%s",
                                                 json_string_value(json_object_get(event, "event_id")), end));
        ret->ask.file_type = mime && g_str_has_prefix(mime, "video/")
                                     ? tb_said_own(ret, g_strndup(mime, strcspn(mime, ";")))
                                     : "video/webm";
        ret->ask.file_size = json_integer_value(json_object_get(event, "clip_size_bytes"));
        ret->wants_clip = true;
}

static bool say(const TbNotifyOptions *o, const TbNotifyPlace *place, const TbNotifyWhat *what, guint stage,
                TbSaid *ret)
{
        static const char *const headers[] = {"Content-Type: application/json", NULL};
        bool clip = can_send_clip(o, place, what);
        if (clip && stage == 0) {
                say_clip(o, what, ret);
                return true;
        }
        if (stage > clip)
                return false;
        const json_t *one = json_array_size(what->events) == 1 ? json_array_get(what->events, 0) : NULL;
        g_autofree char *all = one ? tb_words_caption(one) : tb_words_text(what),
                        *text = tb_words_cut(all, TEXT);
        tb_said_json(
                ret,
                tb_said_own(ret, g_strdup_printf("%s/bot%s/sendMessage", o->telegram_url, o->telegram_token)),
                json_pack("{s:s, s:s, s:b}", "chat_id", what->address, "text", text,
                          "disable_web_page_preview", 1));
        ret->ask.headers = headers;
        return true;
}

static bool judge(const TbSendAnswer *answer, bool *ret_again, bool *ret_other, guint *ret_after_s,
                  char **ret_why)
{
        json_auto_t *body = tb_json_parse(answer->text, answer->size, NULL);
        const char *words = json_string_value(json_object_get(body, "description"));
        if (answer->status == 200 && json_is_true(json_object_get(body, "ok")))
                return true;
        tb_judge_http(answer, ret_again, ret_other, ret_after_s, ret_why);
        if (!*ret_why)
                *ret_why = g_strdup("what answers speaks no Bot API");
        json_int_t after =
                json_integer_value(json_object_get(json_object_get(body, "parameters"), "retry_after"));
        if (after > 0)
                *ret_after_s = (guint)MIN(after, G_MAXINT);
        if (words) {
                g_free(*ret_why);
                *ret_why = tb_words_cut(words, 300);
        }
        /* the clip was not wanted, or was not there whole: words may be */
        *ret_other = answer->status == 400 || answer->status == 413 || answer->is_file_missing;
        return false;
}

/* --- what people say to the bot --- */
void tb_telegram_start_clear(TbTelegramStart *start)
{
        g_free(start->chat);
        g_free(start->username);
        g_free(start->token);
        *start = (TbTelegramStart){0};
}

bool tb_telegram_start(const json_t *update, gint64 *ret_number, TbTelegramStart *ret)
{
        const json_t *number = json_object_get(update, "update_id"),
                     *message = json_object_get(update, "message");
        *ret_number =
                json_is_integer(number) && json_integer_value(number) >= 0 ? json_integer_value(number) : -1;
        if (!json_is_object(message))
                message = json_object_get(update, "edited_message");
        const json_t *chat = json_object_get(message, "chat"), *id = json_object_get(chat, "id");
        const char *text = json_string_value(json_object_get(message, "text")),
                   *name = json_string_value(json_object_get(json_object_get(message, "from"), "username"));
        if (!text || !json_is_integer(id))
                return false;
        g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", 8);
        const char *said[2] = {"", ""};
        for (guint i = 0, n = 0; words[i] && n < 2; i++)
                if (*words[i])
                        said[n++] = words[i];
        g_autofree char *command = g_ascii_strdown(said[0], (gssize)strcspn(said[0], "@"));
        if (strcmp(command, "/start") != 0)
                return false;
        if (!name)
                name = json_string_value(json_object_get(chat, "username"));
        *ret = (TbTelegramStart){.chat = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(id)),
                                 .username = name ? tb_words_cut(name, TOKEN_MAX) : NULL,
                                 .token = g_strdup(strlen(said[1]) <= TOKEN_MAX ? said[1] : "")};
        return true;
}

static char *put_in(const char *text, const char *mark, const char *token)
{
        g_auto(GStrv) parts = g_strsplit(text, mark, -1);
        return g_strjoinv(token, parts);
}

char *tb_telegram_link(const char *onboarding, const char *token)
{
        g_autofree char *url = strstr(onboarding, "://") ? g_strdup(onboarding)
                               : g_str_has_prefix(onboarding, "//")
                                       ? g_strconcat("https:", onboarding, NULL)
                                       : g_strconcat("https://", onboarding, NULL);
        if (strstr(url, "{start_payload}"))
                return put_in(url, "{start_payload}", token);
        if (strstr(url, "{token}"))
                return put_in(url, "{token}", token);
        gsize n = strcspn(url, "#");
        g_autofree char *head = g_strndup(url, n);
        return g_strdup_printf("%s%cstart=%s%s", head, strchr(head, '?') ? '&' : '?', token, url + n);
}

const TbNotifier tb_notifier_telegram = {.name = "telegram",
                                         .is_for_people = true,
                                         .is_set = is_set,
                                         .check = check,
                                         .say = say,
                                         .judge = judge};
