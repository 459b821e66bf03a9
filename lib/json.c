#include "lib/json.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

typedef struct Shape {
        guint depth;  /* of nesting; what is beyond TB_LIMIT_JSON_DEPTH is not looked at */
        gsize values; /* about: each comma and each bracket stands for one */
} Shape;

/* jansson recurses 2048 deep, and takes a thousand times longer for `[{},{},...]` than for a text of the same size: counting
 * outside of strings first costs one pass and no memory. */
static Shape shape_of(const char *text, gsize size)
{
        Shape shape = {0};
        guint depth = 0;
        bool in_string = false;
        for (gsize i = 0; i < size; i++) {
                char c = text[i];
                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                } else if (c == '"') {
                        in_string = true;
                } else if (c == ',') {
                        shape.values++;
                } else if (c == '[' || c == '{') {
                        shape.values++;
                        depth++;
                        shape.depth = MAX(shape.depth, depth);
                        if (depth > TB_LIMIT_JSON_DEPTH)
                                return shape;
                } else if ((c == ']' || c == '}') && depth > 0) {
                        depth--;
                }
        }
        return shape;
}

static json_t *parse(const void *text, gsize size, gsize most, GError **error)
{
        Shape shape = shape_of(text, size);
        if (shape.values > most) {
                tb_set_error(error, TB_ERROR_INVALID, "the JSON has more than %" G_GSIZE_FORMAT " values",
                             most);
                return NULL;
        }
        if (shape.depth > TB_LIMIT_JSON_DEPTH) {
                tb_set_error(error, TB_ERROR_INVALID, "the JSON is nested more than %d deep",
                             TB_LIMIT_JSON_DEPTH);
                return NULL;
        }
        json_error_t where;
        json_t *value =
                size ? json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &where) : NULL;
        if (value)
                return value;
        if (size == 0) {
                tb_set_error(error, TB_ERROR_INVALID, "the body is empty; JSON is expected");
                return NULL;
        }
        g_autofree char *reason = g_utf8_make_valid(where.text, -1);
        tb_set_error(error, TB_ERROR_INVALID, "not JSON: %s (line %d, column %d)", reason, where.line,
                     where.column);
        return NULL;
}

json_t *tb_json_parse(const void *text, gsize size, GError **error)
{
        return parse(text, size, TB_LIMIT_JSON_VALUES, error);
}

json_t *tb_json_parse_kept(const void *text, gsize size, GError **error)
{
        return parse(text, size, G_MAXSIZE, error);
}

typedef struct Dump {
        GString *out;
} Dump;

static int append(const char *bytes, size_t size, void *data)
{
        g_string_append_len(((Dump *)data)->out, bytes, (gssize)size);
        return 0;
}

char *tb_json_text(const json_t *value, gsize *ret_size)
{
        static gint told;
        if (ret_size)
                *ret_size = 0;
        if (!value) { /* jansson made nothing: a text in it is no UTF-8. Said once: nobody makes us say it at his rate */
                if (g_atomic_int_compare_and_exchange(&told, 0, 1))
                        tb_log(TB_LOG_ERROR, TB_F(), "a message is not sent: a text in it is not UTF-8");
                return NULL;
        }
        Dump dump = {g_string_sized_new(256)};
        json_dump_callback(value, append, &dump, TB_JSON | JSON_ENCODE_ANY);
        if (ret_size)
                *ret_size = dump.out->len;
        return g_string_free(dump.out, FALSE);
}

#define NODE 64 /* bytes of a value and of what holds it, about */

gsize tb_json_weight(const json_t *value)
{
        gsize size = NODE, i;
        const char *key;
        json_t *part;
        if (json_is_string(value))
                return size + json_string_length(value);
        json_array_foreach (value, i, part)
                size += tb_json_weight(part);
        json_object_foreach ((json_t *)value, key, part)
                size += strlen(key) + tb_json_weight(part);
        return size;
}
