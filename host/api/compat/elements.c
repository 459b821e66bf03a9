#include "host/api/compat/elements.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"

struct TbElements {
        GMarkupParseContext *markup; /* owned */
        json_t *list;                /* owned */
        bool root;                   /* <hierarchy> came */
};

static bool is_true(const char *text)
{
        return g_strcmp0(text, "true") == 0;
}

static json_t *or_none(const char *text, const char *none)
{
        return json_string(*text ? text : none);
}

/* The number behind this character. */
static bool take_number(const char **at, char before, int *ret)
{
        char *end = NULL;
        gint64 n = **at == before ? g_ascii_strtoll(*at + 1, &end, 10) : 0;
        if (!end || end == *at + 1 || n < -G_MAXINT16 || n > G_MAXINT16)
                return false;
        *at = end;
        *ret = (int)n;
        return true;
}

/* "[0,63][540,135]"; what is no such text is 0. */
static json_t *bounds_of(const char *text)
{
        int left, top, right, bottom;
        bool ok = take_number(&text, '[', &left) && take_number(&text, ',', &top) && *text++ == ']' &&
                  take_number(&text, '[', &right) && take_number(&text, ',', &bottom) && *text == ']';
        return json_pack("{s:i, s:i, s:i, s:i}", "left", ok ? left : 0, "top", ok ? top : 0, "right",
                         ok ? right : 0, "bottom", ok ? bottom : 0);
}

static void on_node(TbElements *e, const char **names, const char **values, GError **error)
{
        const char *text = "", *resource = "", *description = "", *class = "", *bounds = "", *clickable = "",
                   *enabled = "";
        const struct {
                const char *name, **to;
        } wanted[] = {{"text", &text},      {"resource-id", &resource},
                      {"class", &class},    {"content-desc", &description},
                      {"bounds", &bounds},  {"clickable", &clickable},
                      {"enabled", &enabled}};
        for (; *names; names++, values++)
                for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++)
                        if (strcmp(*names, wanted[i].name) == 0)
                                *wanted[i].to = *values;
        if ((!*text && !*resource && !*description && (!*class || strcmp(class, "android.view.View") == 0)) ||
            (!is_true(clickable) && !is_true(enabled) && !*text))
                return;
        gsize n = json_array_size(e->list);
        if (n >= TB_LIMIT_UI_ELEMENTS) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "the screen has more than %d elements",
                             TB_LIMIT_UI_ELEMENTS);
                return;
        }
        json_array_append_new(
                e->list, json_pack("{s:I, s:o, s:s, s:o, s:o, s:o, s:b, s:b, s:n}", "id", (json_int_t)n + 1,
                                   "text", or_none(text, "<no text>"), "className", class, "contentDesc",
                                   or_none(description, "<no content-desc>"), "package",
                                   or_none(resource, "<no resource-id>"), "bounds", bounds_of(bounds),
                                   "clickable", is_true(clickable), "enabled", is_true(enabled), "xpath"));
}

static void on_start(GMarkupParseContext *markup G_GNUC_UNUSED, const char *name, const char **names,
                     const char **values, gpointer data, GError **error)
{
        TbElements *e = data;
        if (strcmp(name, "hierarchy") == 0)
                e->root = true;
        else if (strcmp(name, "node") == 0 && e->root)
                on_node(e, names, values, error);
}

TbElements *tb_elements_new(void)
{
        static const GMarkupParser parser = {.start_element = on_start};
        TbElements *e = g_new0(TbElements, 1);
        e->list = json_array();
        e->markup = g_markup_parse_context_new(&parser, 0, e, NULL);
        return e;
}

void tb_elements_free(TbElements *e)
{
        if (!e)
                return;
        g_markup_parse_context_free(e->markup);
        json_decref(e->list);
        g_free(e);
}

static bool blame(GError *own_take, GError **error)
{
        if (own_take->domain == TB_ERROR) {
                g_propagate_error(error, own_take);
                return false;
        }
        g_autofree char *words = g_utf8_make_valid(own_take->message, -1);
        tb_set_error(error, TB_ERROR_DEVICE, "what uiautomator wrote is no dump of a screen: %s", words);
        g_error_free(own_take);
        return false;
}

bool tb_elements_feed(TbElements *e, const char *text, gsize size, GError **error)
{
        GError *own = NULL;
        return g_markup_parse_context_parse(e->markup, text, (gssize)size, &own) || blame(own, error);
}

json_t *tb_elements_end(TbElements *e, GError **error)
{
        GError *own = NULL;
        if (!g_markup_parse_context_end_parse(e->markup, &own)) {
                blame(own, error);
                return NULL;
        }
        if (!e->root) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "what uiautomator wrote is no dump of a screen: it has no <hierarchy>");
                return NULL;
        }
        return json_incref(e->list);
}

/* --- to look for one --- */
static bool holds(const char *text, const char *folded_term)
{
        g_autofree char *folded = g_utf8_casefold(text, -1);
        return strstr(folded, folded_term) != NULL;
}

/* "Text: 'Wi-Fi'"; NULL: it has no such thing. The caller frees. */
static char *reason_of(json_t *element, const char *folded_term)
{
        static const char *const fields[][2] = {{"text", "Text"},
                                                {"contentDesc", "Content Desc"},
                                                {"package", "Resource ID"},
                                                {"className", "Class"}};
        for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
                const char *value = json_string_value(json_object_get(element, fields[i][0]));
                if (!g_str_has_prefix(value, "<no ") && holds(value, folded_term))
                        return g_strdup_printf("%s: '%s'", fields[i][1], value);
        }
        return NULL;
}

static int edge(json_t *element, const char *name)
{
        return (int)json_integer_value(json_object_get(json_object_get(element, "bounds"), name));
}

json_t *tb_elements_find(json_t *elements, const char *term)
{
        g_autofree char *folded = g_utf8_casefold(term, -1);
        json_t *found = json_array(), *e;
        size_t i;
        json_array_foreach (elements, i, e) {
                g_autofree char *reason = reason_of(e, folded);
                if (!reason)
                        continue;
                json_array_append_new(
                        found, json_pack("{s:O, s:s, s:O, s:O, s:O, s:O, s:o, s:O}", "element_id",
                                         json_object_get(e, "id"), "match_reason", reason, "text",
                                         json_object_get(e, "text"), "content_desc",
                                         json_object_get(e, "contentDesc"), "resource_id",
                                         json_object_get(e, "package"), "class_name",
                                         json_object_get(e, "className"), "bounds",
                                         json_sprintf("[%d,%d][%d,%d]", edge(e, "left"), edge(e, "top"),
                                                      edge(e, "right"), edge(e, "bottom")),
                                         "clickable", json_object_get(e, "clickable")));
        }
        return found;
}

json_t *tb_elements_pick(json_t *elements, const char *term, gint64 id)
{
        g_auto(GStrv) terms = g_strsplit(term ? term : "", "|", TB_LIMIT_ID);
        json_t *e;
        size_t i;
        for (char **t = terms; term && *t; t++) {
                g_autofree char *folded = g_utf8_casefold(g_strstrip(*t), -1);
                json_array_foreach (elements, i, e) {
                        g_autofree char *reason = *folded ? reason_of(e, folded) : NULL;
                        if (reason)
                                return e;
                }
        }
        json_array_foreach (elements, i, e)
                if (!term && json_integer_value(json_object_get(e, "id")) == id)
                        return e;
        return NULL;
}
