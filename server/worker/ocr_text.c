#include "server/worker/ocr_text.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/limits_look.h"
#include "lib/ocr.h"
#include "lib/text.h"

#define SURE 0.5  /* of a word, at least */
#define LETTERS 2 /* of a line, at least */
#define SHOWN 3   /* lines in the summary */
#define RULE "text:"

typedef struct Rule {
        char *line;   /* owned: of the prompt */
        char *folded; /* owned: what is looked for */
        bool matched;
} Rule;

struct TbOcrText {
        GArray *rules;     /* Rule */
        bool others;       /* the prompt asks for something else, too */
        GPtrArray *lines;  /* as they are read, each once */
        GPtrArray *folded; /* the same, as they are compared */
        gsize bytes;       /* of `lines` */
        double sure;       /* sum over the words of `lines` */
        guint words;
        bool more; /* than is kept */
};

static void rule_clear(gpointer data)
{
        Rule *rule = data;
        g_free(rule->line);
        g_free(rule->folded);
}

/* In small letters, one blank between words. The caller frees. */
static char *fold(const char *text)
{
        g_autofree char *small = g_utf8_casefold(text, -1);
        g_auto(GStrv) words = g_strsplit_set(small, " \t", -1);
        GString *out = g_string_new(NULL);
        for (guint i = 0; words[i]; i++)
                if (*words[i])
                        g_string_append_printf(out, "%s%s", out->len ? " " : "", words[i]);
        return g_string_free(out, FALSE);
}

TbOcrText *tb_ocr_text_new(const char *prompt)
{
        TbOcrText *t = g_new0(TbOcrText, 1);
        t->rules = g_array_new(FALSE, FALSE, sizeof(Rule));
        g_array_set_clear_func(t->rules, rule_clear);
        t->lines = g_ptr_array_new_with_free_func(g_free);
        t->folded = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) asked = g_strsplit(prompt ? prompt : "", "\n", -1);
        for (guint i = 0; asked[i]; i++) {
                bool is_rule = g_ascii_strncasecmp(asked[i], RULE, strlen(RULE)) == 0;
                g_autofree char *folded = fold(is_rule ? asked[i] + strlen(RULE) : asked[i]);
                if (is_rule && *folded) {
                        Rule rule = {tb_text_cut(asked[i], TB_LIMIT_EVENT_ID), g_steal_pointer(&folded),
                                     false};
                        g_array_append_val(t->rules, rule);
                } else if (*folded)
                        t->others = true;
        }
        return t;
}

void tb_ocr_text_free(TbOcrText *t)
{
        g_array_unref(t->rules);
        g_ptr_array_unref(t->lines);
        g_ptr_array_unref(t->folded);
        g_free(t);
}

static bool is_text(const char *line)
{
        guint letters = 0;
        for (const char *c = line; *c; c = g_utf8_next_char(c))
                letters += g_unichar_isalnum(g_utf8_get_char(c)) ? 1 : 0;
        return letters >= LETTERS;
}

/* Rules see every line; of lines that differ some are kept. */
static void add_line(TbOcrText *t, const char *said, double sure, guint words)
{
        if (!is_text(said))
                return;
        g_autofree char *folded = fold(said), *line = tb_text_line(said, TB_LIMIT_EVENT_ID);
        for (guint i = 0; i < t->rules->len; i++) {
                Rule *rule = &g_array_index(t->rules, Rule, i);
                rule->matched = rule->matched || strstr(folded, rule->folded);
        }
        for (guint i = 0; i < t->folded->len; i++)
                if (strstr(t->folded->pdata[i], folded))
                        return;
        if (t->lines->len >= TB_LIMIT_OCR_LINES || t->bytes + strlen(line) > TB_LIMIT_OCR_TEXT) {
                t->more = true;
                return;
        }
        t->bytes += strlen(line);
        t->sure += sure;
        t->words += words;
        g_ptr_array_add(t->lines, g_steal_pointer(&line));
        g_ptr_array_add(t->folded, g_steal_pointer(&folded));
}

void tb_ocr_text_add(TbOcrText *t, const GArray *words)
{
        g_autoptr(GString) line = g_string_new(NULL);
        double sure = 0;
        guint n = 0;
        for (guint i = 0; i < words->len; i++) {
                const TbOcrWord *word = &g_array_index(words, TbOcrWord, i);
                if (word->begins) {
                        add_line(t, line->str, sure, n);
                        g_string_truncate(line, 0);
                        sure = n = 0;
                }
                if (word->sure < SURE)
                        continue;
                g_string_append_printf(line, "%s%s", line->len ? " " : "", word->text);
                sure += word->sure;
                n++;
        }
        add_line(t, line->str, sure, n);
}

static void say_lines(const TbOcrText *t, json_t *verdict)
{
        g_autoptr(GString) summary = g_string_new(json_string_value(json_object_get(verdict, "summary")));
        json_t *entities = json_object_get(verdict, "detected_entities");
        for (guint i = 0; i < t->lines->len; i++) {
                json_array_append_new(entities, json_string(t->lines->pdata[i]));
                if (i < SHOWN)
                        g_string_append_printf(summary, "%s“%s”",
                                               i ? ", " : ". Text: ", (char *)t->lines->pdata[i]);
        }
        if (t->more || t->lines->len > SHOWN)
                g_string_append(summary, " and more");
        json_object_set_new(verdict, "summary", json_string(summary->str));
        if (strcmp(json_string_value(json_object_get(verdict, "label")), "clear") == 0) {
                json_object_set_new(verdict, "label", json_string("text"));
                json_object_set_new(verdict, "confidence", json_real(t->sure / t->words));
        }
}

static void say_rules(const TbOcrText *t, json_t *verdict)
{
        const Rule *first = NULL;
        for (guint i = 0; i < t->rules->len; i++) {
                const Rule *rule = &g_array_index(t->rules, Rule, i);
                if (!rule->matched)
                        continue;
                first = first ? first : rule;
                json_array_append_new(json_object_get(verdict, "matched_rules"), json_string(rule->line));
        }
        if (first) {
                g_autofree char *reason = g_strdup_printf("On the picture, as asked for: %s", first->line);
                json_object_set_new(verdict, "should_notify", json_true());
                json_object_set_new(verdict, "alert_reason", json_string(reason));
        } else if (t->rules->len && !t->others) {
                json_object_set_new(verdict, "should_notify", json_false());
                json_object_del(verdict, "alert_reason");
        }
}

void tb_ocr_text_say(const TbOcrText *t, json_t *verdict)
{
        if (t->lines->len)
                say_lines(t, verdict);
        say_rules(t, verdict);
}
