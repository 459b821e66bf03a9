/* What is said of events. */
#include <string.h>

#include "server/notify/private.h"

#define OF_SEVERAL 5 /* summaries of a message on several events */

static const char *text_of(const json_t *event, const char *field)
{
        const char *text = json_string_value(json_object_get(event, field));
        return text && *text ? text : NULL;
}

char *tb_words_cut(const char *text, gsize letters)
{
        if ((gsize)g_utf8_strlen(text, -1) <= letters)
                return g_strdup(text);
        g_autofree char *head = g_utf8_substring(text, 0, (glong)letters - 1);
        return g_strconcat(head, "…", NULL);
}

static char *percent(const json_t *event)
{
        const json_t *confidence = json_object_get(event, "confidence");
        return json_is_number(confidence) ? g_strdup_printf("%.0f%%", json_number_value(confidence) * 100)
                                          : NULL;
}

char *tb_words_caption(const json_t *event)
{
        const char *label = text_of(event, "label"), *summary = text_of(event, "summary"),
                   *reason = text_of(event, "alert_reason"), *clip = text_of(event, "clip_uri");
        g_autofree char *sure = percent(event);
        GString *out = g_string_new("Ping Watch alert\n");
        g_string_append_printf(out, "Event: %s\nLabel: %s\nConfidence: %s\nSummary: %s",
                               text_of(event, "event_id"), label ? label : "unknown", sure ? sure : "n/a",
                               summary ? summary : "");
        if (reason)
                g_string_append_printf(out, "\nReason: %s", reason);
        if (clip)
                g_string_append_printf(out, "\nClip: %s", clip);
        return g_string_free(out, FALSE);
}

static const char *device_of(const TbNotifyWhat *what)
{
        const char *id = text_of(json_array_get(what->events, 0), "device_id");
        return what->device && *what->device ? what->device : id ? id : "a device";
}

char *tb_words_title(const TbNotifyWhat *what)
{
        gsize n = json_array_size(what->events);
        const char *label = text_of(json_array_get(what->events, 0), "label");
        if (n == 0)
                return g_strdup("A test of Testbed");
        if (n > 1)
                return g_strdup_printf("%" G_GSIZE_FORMAT " events: %s", n, device_of(what));
        return g_strdup_printf("%s: %s", label ? label : "event", device_of(what));
}

/* "motion 12, person 2", the most frequent first. */
static void add_labels(GString *out, const json_t *events)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_autoptr(GArray) counts = g_array_new(FALSE, TRUE, sizeof(guint));
        const json_t *event;
        gsize i;
        json_array_foreach (events, i, event) {
                const char *label = text_of(event, "label");
                guint at;
                label = label ? label : "unknown";
                if (!g_ptr_array_find_with_equal_func(names, label, g_str_equal, &at)) {
                        at = names->len;
                        g_ptr_array_add(names, (gpointer)label);
                        g_array_set_size(counts, names->len);
                }
                g_array_index(counts, guint, at)++;
        }
        for (guint done = 0; done < names->len; done++) {
                guint best = 0;
                for (guint k = 1; k < names->len; k++)
                        if (g_array_index(counts, guint, k) > g_array_index(counts, guint, best))
                                best = k;
                g_string_append_printf(out, "%s%s %u", done ? ", " : "", (char *)names->pdata[best],
                                       g_array_index(counts, guint, best));
                g_array_index(counts, guint, best) = 0;
        }
}

static void add_one(GString *out, const json_t *event, bool with_reason)
{
        const char *summary = text_of(event, "summary"), *reason = text_of(event, "alert_reason");
        g_string_append(out, summary ? summary : "Something was noticed.");
        if (with_reason && reason && g_strcmp0(reason, summary) != 0)
                g_string_append_printf(out, "\n%s", reason);
}

char *tb_words_text(const TbNotifyWhat *what)
{
        gsize n = json_array_size(what->events);
        GString *out = g_string_new(NULL);
        if (n == 0)
                g_string_append(out, "This is how you will be told of events. Nothing happened.");
        else if (n == 1)
                add_one(out, json_array_get(what->events, 0), true);
        else {
                const char *first = text_of(json_array_get(what->events, 0), "created_at");
                g_string_append_printf(out, "%" G_GSIZE_FORMAT " events at %s", n, device_of(what));
                if (first)
                        g_string_append_printf(out, " since %s", first);
                g_string_append(out, ": ");
                add_labels(out, what->events);
                g_string_append_c(out, '.');
                for (gsize i = 0; i < n && i < OF_SEVERAL; i++) {
                        g_string_append(out, "\n- ");
                        add_one(out, json_array_get(what->events, i), false);
                }
                if (n > OF_SEVERAL)
                        g_string_append_printf(out, "\n… and %" G_GSIZE_FORMAT " more", n - OF_SEVERAL);
        }
        return g_string_free(out, FALSE);
}

char *tb_words_page(const TbNotifyPlace *place, const TbNotifyWhat *what)
{
        const char *id = text_of(json_array_get(what->events, 0), "event_id");
        const char *own =
                text_of(json_array_get(what->events, 0), "page"); /* of what is no event of the store */
        if (!place->page)
                return NULL;
        if (own)
                return g_strdup_printf("%s/%s", place->page, own);
        if (!id || json_array_size(what->events) > 1)
                return g_strdup_printf("%s/timeline", place->page);
        g_autofree char *escaped = g_uri_escape_string(id, NULL, false);
        return g_strdup_printf("%s/timeline?event=%s", place->page, escaped);
}
