/* A mail by SMTP (RFC 5321, 5322): words alone, in UTF-8. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "server/notify/private.h"

#define SUBJECT 200
#define LINE 76         /* letters of a line of base64 (RFC 2045) */
#define WORD_BYTES 36   /* of an encoded word (RFC 2047): 48 letters of base64, 75 with what is around it */
#define ADDRESS_MAX 254 /* RFC 5321 */

static bool is_set(const TbNotifyOptions *o)
{
        return o->smtp_url && o->smtp_from;
}

/* What a command of SMTP and a header can bear: no blanks, no brackets, nothing that ends a line. */
static bool check(const char *address, GError **error)
{
        const char *at = strchr(address, '@');
        bool ok = at && at > address && at[1] && !strchr(at + 1, '@') && strlen(address) <= ADDRESS_MAX;
        for (const char *p = address; ok && *p; p++)
                ok = *p > ' ' && *p < 0x7f && !strchr("<>()[],;:\\\"", *p);
        if (!ok)
                tb_error_set_field(error, TB_ERROR_INVALID, "address",
                                   "a mail address like somebody@example.org is expected");
        return ok;
}

static void add_subject(GString *out, const char *subject)
{
        g_string_append(out, "Subject:");
        for (const char *p = subject; *p;) { /* whole letters in each word */
                gsize n = 0;
                while (p[n]) {
                        gsize letter = (gsize)(g_utf8_next_char(p + n) - (p + n));
                        if (n + letter > WORD_BYTES)
                                break;
                        n += letter;
                }
                g_autofree char *word = g_base64_encode((const guchar *)p, n);
                g_string_append_printf(out, "%s =?utf-8?B?%s?=", p == subject ? "" : "\r\n", word);
                p += n;
        }
        g_string_append(out, "\r\n");
}

char *tb_notify_mail(const char *from, const char *to, const char *subject, const char *text, gint64 now_s,
                     const char *id)
{
        static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
        static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(now_s);
        g_autofree char *clock = g_date_time_format(now, "%H:%M:%S"),
                        *body = g_base64_encode((const guchar *)text, strlen(text));
        GString *out = g_string_new(NULL);
        g_string_append_printf(out, "From: <%s>\r\nTo: <%s>\r\n", from, to);
        add_subject(out, subject);
        g_string_append_printf(out,
                               "Date: %s, %d %s %d %s +0000\r\nMessage-ID: <%s@testbed>\r\nAuto-Submitted: "
                               "auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
                               "charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                               days[g_date_time_get_day_of_week(now) - 1], g_date_time_get_day_of_month(now),
                               months[g_date_time_get_month(now) - 1], g_date_time_get_year(now), clock, id);
        for (const char *p = body; *p; p += MIN(strlen(p), LINE))
                g_string_append_printf(out, "%.*s\r\n", LINE, p);
        return g_string_free(out, FALSE);
}

static bool say(const TbNotifyOptions *o, const TbNotifyPlace *place, const TbNotifyWhat *what, guint stage,
                TbSaid *ret)
{
        if (stage > 0)
                return false;
        g_autofree char *title = tb_words_title(what), *subject = tb_words_cut(title, SUBJECT),
                        *words = tb_words_text(what), *page = tb_words_page(place, what),
                        *text = page ? g_strdup_printf("%s\n\n%s\n", words, page)
                                     : g_strdup_printf("%s\n", words),
                        *id = tb_random_token(18);
        ret->ask.url = o->smtp_url;
        ret->ask.body = tb_said_own(
                ret, tb_notify_mail(o->smtp_from, what->address, subject, text, tb_clock_ms() / 1000, id));
        ret->ask.size = strlen(ret->ask.body);
        ret->ask.from = o->smtp_from;
        ret->ask.to = what->address;
        ret->ask.user = o->smtp_user;
        ret->ask.password = o->smtp_password;
        ret->ask.plain = o->smtp_plain;
        return true;
}

/* 4xx of SMTP is "not now", 5xx "no". */
static bool judge(const TbSendAnswer *answer, bool *ret_again, bool *ret_other G_GNUC_UNUSED,
                  guint *ret_after_s G_GNUC_UNUSED, char **ret_why)
{
        if (!answer->why && answer->status >= 200 && answer->status < 300)
                return true;
        *ret_again = answer->status < 500;
        *ret_why = answer->status >= 400 ? g_strdup_printf("the mail server answered %u", answer->status)
                                         : g_strdup(answer->why ? answer->why : "it was not taken");
        return false;
}

const TbNotifier tb_notifier_email = {
        .name = "email", .is_for_people = true, .is_set = is_set, .check = check, .say = say, .judge = judge};
