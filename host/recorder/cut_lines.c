/* Everything but the film: the recorded lines of an interval, and what other programs read of them. */
#include <string.h>

#include "host/recorder/cut_private.h"
#include "lib/clock.h"
#include "lib/json.h"

typedef struct Lines {
        const TbCut *cut;
        FILE *const *out;
        TbCutDone *done;
        char *console; /* owned; which one is told; NULL: none yet */
} Lines;

static const char *text_of(const json_t *line, const char *field)
{
        return json_string_value(json_object_get(line, field));
}

/* Seconds since the beginning. */
static double since(const Lines *l, gint64 t_ms)
{
        return (double)(t_ms * 1000 - l->cut->from_us) / G_USEC_PER_SEC;
}

static void put_json(FILE *out, json_t *value_take)
{
        gsize size;
        g_autofree char *text = tb_json_text(value_take, &size);
        json_decref(value_take);
        if (text)
                fprintf(out, "%s\n", text);
}

static void console(Lines *l, const json_t *line, gint64 t_ms)
{
        const char *interface = text_of(line, "interface"), *text = text_of(line, "text"),
                   *base64 = text_of(line, "base64");
        if (!interface)
                return;
        if (!l->console)
                l->console = g_strdup(interface);
        if (strcmp(l->console, interface) != 0)
                return;
        gsize size = text ? strlen(text) : 0;
        g_autofree guchar *decoded = !text && base64 ? g_base64_decode(base64, &size) : NULL;
        if (text ? 0 : !decoded)
                return;
        const char *bytes = text ? text : (const char *)decoded;
        if (l->out[TB_CUT_TEXT])
                fwrite(bytes, 1, size, l->out[TB_CUT_TEXT]);
        if (l->out[TB_CUT_CAST]) {
                g_autofree char *valid = g_utf8_make_valid(bytes, (gssize)size);
                put_json(l->out[TB_CUT_CAST], json_pack("[f, s, s]", MAX(since(l, t_ms), 0.0), "o", valid));
        }
}

/* A field of CSV (RFC 4180); one that a spreadsheet would take for a formula is text. */
static void put_csv(FILE *out, const char *text)
{
        if (!text)
                return;
        if (!strpbrk(text, ",\"\r\n") && !strchr("=+-@", text[0])) {
                fputs(text, out);
                return;
        }
        fputc('"', out);
        if (text[0] && strchr("=+-@", text[0]))
                fputc('\'', out);
        for (; *text; text++)
                fputs(*text == '"' ? "\"\"" : (char[]){*text, 0}, out);
        fputc('"', out);
}

static void sample(Lines *l, const json_t *line, gint64 t_ms)
{
        if (g_strcmp0(text_of(line, "stream"), TB_LEFT_OUT_STREAM) == 0)
                l->done->left_out +=
                        (guint)CLAMP(json_integer_value(json_object_get(line, "value")), 0, 1000);
        FILE *out = l->out[TB_CUT_SAMPLES];
        if (!out)
                return;
        g_autofree char *time = tb_clock_rfc3339(t_ms),
                        *value = tb_json_text(json_object_get(line, "value"), NULL);
        fprintf(out, "%" G_GINT64_FORMAT ",%s,", t_ms, time);
        put_csv(out, text_of(line, "interface"));
        fputc(',', out);
        put_csv(out, text_of(line, "stream"));
        fprintf(out, ",%s,", value ? value : "");
        put_csv(out, text_of(line, "unit"));
        fputc('\n', out);
}

static void put_time(FILE *out, double s)
{
        s = MAX(s, 0);
        fprintf(out, "%02d:%02d:%06.3f", (int)(s / 3600), (int)(s / 60) % 60, s - 60 * (int)(s / 60));
}

static void put_plain(FILE *out, const char *text)
{
        for (; *text; text++) {
                guchar c = (guchar)*text;
                if (c == '&' || c == '<' || c == '>')
                        fputs(c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;", out);
                else
                        fputc(c < ' ' ? ' ' : c, out);
        }
}

/* What a person would mark on a film: lasting events. */
static void mark(Lines *l, const json_t *line, gint64 t_ms)
{
        FILE *out = l->out[TB_CUT_MARKS];
        const char *event = text_of(line, "event");
        if (!out || !event || !json_object_get(line, "id"))
                return;
        const json_t *data = json_object_get(line, "data");
        double at = since(l, t_ms), most = since(l, l->cut->to_us / 1000);
        put_time(out, at);
        fputs(" --> ", out);
        put_time(out, MIN(at + 3, MAX(most, at + 0.1)));
        fputc('\n', out);
        put_plain(out, event);
        static const char *const words[] = {"state", "observed", "verb", "text", "reason", "note", "holder"};
        for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
                const char *text = text_of(data, words[i]);
                if (text) {
                        fputc(i == 0 ? ':' : ',', out);
                        fputc(' ', out);
                        put_plain(out, text);
                }
        }
        fputs("\n\n", out);
}

static void take(Lines *l, const char *text, gsize size)
{
        json_auto_t *line = tb_json_parse_kept(text, size, NULL);
        gint64 t_ms = json_integer_value(json_object_get(line, "t"));
        if (!line || t_ms * 1000 < l->cut->from_us || t_ms * 1000 >= l->cut->to_us)
                return;
        const char *type = text_of(line, "type");
        if (g_strcmp0(type, "segment") == 0)
                return;
        l->done->lines++;
        if (l->done->first_us == 0 || t_ms * 1000 < l->done->first_us)
                l->done->first_us = t_ms * 1000;
        if (l->out[TB_CUT_EVENTS]) {
                fwrite(text, 1, size, l->out[TB_CUT_EVENTS]);
                fputc('\n', l->out[TB_CUT_EVENTS]);
        }
        if (l->out[TB_CUT_SCRIPT]) { /* JSON is JavaScript, and stands in a file of its own */
                fwrite(text, 1, size, l->out[TB_CUT_SCRIPT]);
                fputs(",\n", l->out[TB_CUT_SCRIPT]);
        }
        if (g_strcmp0(type, "console") == 0)
                console(l, line, t_ms);
        else if (g_strcmp0(type, "sample") == 0)
                sample(l, line, t_ms);
        else if (g_strcmp0(type, "event") == 0)
                mark(l, line, t_ms);
}

static void begin(const TbCut *cut, FILE *const *out)
{
        if (out[TB_CUT_CAST])
                put_json(out[TB_CUT_CAST],
                         json_pack("{s:i, s:i, s:i, s:I, s:s}", "version", 2, "width", 80, "height", 24,
                                   "timestamp", (json_int_t)(cut->from_us / G_USEC_PER_SEC), "title",
                                   cut->device));
        if (out[TB_CUT_SAMPLES])
                fputs("t,time,interface,stream,value,unit\n", out[TB_CUT_SAMPLES]);
        if (out[TB_CUT_MARKS])
                fputs("WEBVTT\n\n", out[TB_CUT_MARKS]);
        if (out[TB_CUT_SCRIPT])
                fprintf(out[TB_CUT_SCRIPT],
                        "window.clip = {from: %" G_GINT64_FORMAT ", to: %" G_GINT64_FORMAT ", lines: [\n",
                        cut->from_us / 1000, cut->to_us / 1000);
}

bool tb_cut_lines(const TbCut *cut, GPtrArray *segments, guint first, guint end,
                  FILE *const out[TB_CUT_FILES], TbCutDone *done, GError **error G_GNUC_UNUSED)
{
        Lines l = {cut, out, done, g_strdup(cut->console)};
        begin(cut, out);
        for (guint i = first; i < end; i++) {
                g_autofree char *path = g_strconcat(segments->pdata[i], ".jsonl", NULL);
                FILE *in = fopen(path, "re");
                char *text = NULL;
                size_t room = 0;
                for (ssize_t n; in && (n = getline(&text, &room, in)) > 0;)
                        if (text[n - 1] == '\n') /* else it was cut off */
                                take(&l, text, (gsize)n - 1);
                free(text);
                if (in)
                        fclose(in);
        }
        if (out[TB_CUT_SCRIPT])
                fputs("]};\n", out[TB_CUT_SCRIPT]);
        g_free(l.console);
        return true;
}
