#include "lib/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "lib/error.h"
#include "lib/limits.h"

struct TbYaml {
        char *name;              /* owned */
        json_t *root;            /* owned */
        GHashTable *lines;       /* json_t* (borrowed from root) -> line; not for true, false and null, which
                                    jansson shares */
        GHashTable *field_lines; /* owned "<address of the object>.<key>" -> line */
};

typedef struct Reader {
        TbYaml *yaml;         /* borrowed */
        yaml_parser_t parser; /* owned */
        GError *error;        /* owned */
} Reader;

G_GNUC_PRINTF(3, 4) static void fail(Reader *r, gsize line, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        if (!r->error)
                r->error = g_error_new(TB_ERROR, TB_ERROR_INVALID, "%s:%zu: %s", r->yaml->name, line, text);
}

static bool next(Reader *r, yaml_event_t *event)
{
        if (yaml_parser_parse(&r->parser, event))
                return true;
        gsize line = r->parser.problem_mark.line ? r->parser.problem_mark.line : r->parser.mark.line;
        fail(r, line + 1, "%s%s%s", r->parser.problem ? r->parser.problem : "not YAML",
             r->parser.context ? ", " : "", r->parser.context ? r->parser.context : "");
        memset(event, 0, sizeof *event);
        return false;
}

/* --- scalars: YAML 1.2 core schema --- */
static bool is_one_of(const char *text, const char *const *list)
{
        return g_strv_contains(list, text);
}

static bool looks_decimal(const char *text, bool *ret_whole)
{
        const char *p = text + (*text == '-' || *text == '+');
        gsize digits = 0, fraction = 0;
        *ret_whole = true;
        for (; g_ascii_isdigit(*p); p++)
                digits++;
        if (*p == '.') {
                *ret_whole = false;
                for (p++; g_ascii_isdigit(*p); p++)
                        fraction++;
        }
        if (digits + fraction == 0)
                return false;
        if (*p == 'e' || *p == 'E') {
                *ret_whole = false;
                p += 1 + (p[1] == '-' || p[1] == '+');
                if (!g_ascii_isdigit(*p))
                        return false;
                for (; g_ascii_isdigit(*p); p++)
                        ;
        }
        return *p == '\0';
}

static json_t *integer(Reader *r, gsize line, const char *text, const char *digits, guint base)
{
        errno = 0;
        gint64 n = g_ascii_strtoll(digits, NULL, base);
        if (errno == 0)
                return json_integer(n);
        fail(r, line, "the number %s is too large; put it in quotes if it is a text", text);
        return NULL;
}

static json_t *plain_scalar(Reader *r, gsize line, const char *text)
{
        static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
        static const char *const trues[] = {"true", "True", "TRUE", NULL};
        static const char *const falses[] = {"false", "False", "FALSE", NULL};
        static const char *const others[] = {".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
                                             "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  NULL};
        bool whole;
        if (is_one_of(text, nulls))
                return json_null();
        if (is_one_of(text, trues))
                return json_true();
        if (is_one_of(text, falses))
                return json_false();
        if (is_one_of(text, others)) {
                fail(r, line, "%s is no number that can be used here; put it in quotes if it is a text",
                     text);
                return NULL;
        }
        if (g_str_has_prefix(text, "0x") && text[2] &&
            text[2 + strspn(text + 2, "0123456789abcdefABCDEF")] == '\0')
                return integer(r, line, text, text + 2, 16);
        if (g_str_has_prefix(text, "0o") && text[2] && text[2 + strspn(text + 2, "01234567")] == '\0')
                return integer(r, line, text, text + 2, 8);
        if (!looks_decimal(text, &whole))
                return json_string(text);
        if (whole)
                return integer(r, line, text, text, 10);
        double d = g_ascii_strtod(text, NULL);
        if (!isfinite(d)) {
                fail(r, line, "the number %s is too large; put it in quotes if it is a text", text);
                return NULL;
        }
        return json_real(d);
}

static bool refuse_marks(Reader *r, gsize line, const yaml_char_t *anchor, const yaml_char_t *tag)
{
        if (anchor)
                fail(r, line, "anchors (&%s) are not supported", (const char *)anchor);
        else if (tag)
                fail(r, line, "tags (%s) are not supported", (const char *)tag);
        return !anchor && !tag;
}

static json_t *scalar(Reader *r, const yaml_event_t *event)
{
        gsize line = event->start_mark.line + 1;
        const char *text = (const char *)event->data.scalar.value;
        if (!refuse_marks(r, line, event->data.scalar.anchor, event->data.scalar.tag))
                return NULL;
        if (strlen(text) != event->data.scalar.length) {
                fail(r, line, "a NUL character is not allowed");
                return NULL;
        }
        return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_scalar(r, line, text)
                                                                   : json_string(text);
}

/* --- collections --- */
static json_t *node(Reader *r, const yaml_event_t *event, guint depth);

static json_t *sequence(Reader *r, guint depth)
{
        json_t *list = json_array();
        for (;;) {
                yaml_event_t event;
                if (!next(r, &event))
                        break;
                bool end = event.type == YAML_SEQUENCE_END_EVENT;
                json_t *item = end ? NULL : node(r, &event, depth);
                yaml_event_delete(&event);
                if (end)
                        return list;
                if (!item)
                        break;
                json_array_append_new(list, item);
        }
        json_decref(list);
        return NULL;
}

static char *key_of(Reader *r, const yaml_event_t *event, json_t *map)
{
        gsize line = event->start_mark.line + 1;
        if (event->type != YAML_SCALAR_EVENT) {
                fail(r, line, "a key must be a simple text");
                return NULL;
        }
        const char *key = (const char *)event->data.scalar.value;
        if (!refuse_marks(r, line, event->data.scalar.anchor, event->data.scalar.tag))
                return NULL;
        if (strlen(key) != event->data.scalar.length)
                fail(r, line, "a NUL character is not allowed");
        else if (strcmp(key, "<<") == 0)
                fail(r, line, "merge keys (<<) are not supported");
        else if (json_object_get(map, key))
                fail(r, line, "the key \"%s\" is there twice (first on line %d)", key,
                     tb_yaml_field_line(r->yaml, map, key));
        return r->error ? NULL : g_strdup(key);
}

static json_t *mapping(Reader *r, guint depth)
{
        json_t *map = json_object();
        for (;;) {
                yaml_event_t event;
                if (!next(r, &event))
                        break;
                bool end = event.type == YAML_MAPPING_END_EVENT;
                gsize line = event.start_mark.line + 1;
                g_autofree char *key = end ? NULL : key_of(r, &event, map);
                yaml_event_delete(&event);
                if (end)
                        return map;
                if (!key || !next(r, &event))
                        break;
                json_t *value = node(r, &event, depth);
                yaml_event_delete(&event);
                if (!value)
                        break;
                if (json_object_set_new(map, key, value) < 0) {
                        fail(r, line, "the key is not UTF-8");
                        break;
                }
                g_hash_table_insert(r->yaml->field_lines, g_strdup_printf("%p.%s", (void *)map, key),
                                    GSIZE_TO_POINTER(line));
        }
        json_decref(map);
        return NULL;
}

static json_t *node(Reader *r, const yaml_event_t *event, guint depth)
{
        gsize line = event->start_mark.line + 1;
        json_t *result = NULL;
        if (depth > TB_LIMIT_JSON_DEPTH) {
                fail(r, line, "nested more than %d deep", TB_LIMIT_JSON_DEPTH);
                return NULL;
        }
        if (event->type == YAML_SCALAR_EVENT) {
                result = scalar(r, event);
        } else if (event->type == YAML_MAPPING_START_EVENT) {
                if (refuse_marks(r, line, event->data.mapping_start.anchor, event->data.mapping_start.tag))
                        result = mapping(r, depth + 1);
        } else if (event->type == YAML_SEQUENCE_START_EVENT) {
                if (refuse_marks(r, line, event->data.sequence_start.anchor, event->data.sequence_start.tag))
                        result = sequence(r, depth + 1);
        } else {
                fail(r, line, "aliases (*name) are not supported");
        }
        if (!result && !r->error)
                fail(r, line, "the text is not UTF-8");
        if (result && !json_is_boolean(result) && !json_is_null(result))
                g_hash_table_insert(r->yaml->lines, result, GSIZE_TO_POINTER(line));
        return result;
}

static void read_stream(Reader *r)
{
        while (!r->error) {
                yaml_event_t event;
                if (!next(r, &event))
                        return;
                yaml_event_type_t type = event.type;
                gsize line = event.start_mark.line + 1;
                if (type == YAML_DOCUMENT_START_EVENT && r->yaml->root)
                        fail(r, line, "only one document is allowed in the file");
                else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
                         type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT)
                        r->yaml->root = node(r, &event, 1);
                yaml_event_delete(&event);
                if (type == YAML_STREAM_END_EVENT)
                        return;
        }
}

TbYaml *tb_yaml_parse(const char *name, const char *text, gsize size, GError **error)
{
        g_autoptr(TbYaml) yaml = g_new0(TbYaml, 1);
        yaml->name = g_strdup(name);
        yaml->lines = g_hash_table_new(NULL, NULL);
        yaml->field_lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        if (size > TB_LIMIT_CONFIG_FILE) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "%s: larger than %d bytes", name,
                             TB_LIMIT_CONFIG_FILE);
                return NULL;
        }
        Reader r = {.yaml = yaml};
        g_assert(yaml_parser_initialize(&r.parser));
        yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
        read_stream(&r);
        yaml_parser_delete(&r.parser);
        if (r.error) {
                g_propagate_error(error, r.error);
                return NULL;
        }
        if (!yaml->root)
                yaml->root = json_object(); /* an empty file: every default */
        return g_steal_pointer(&yaml);
}

TbYaml *tb_yaml_load(const char *path, GError **error)
{
        FILE *file = fopen(path, "re");
        g_autofree char *text = file ? g_malloc(TB_LIMIT_CONFIG_FILE + 1) : NULL;
        gsize size = file ? fread(text, 1, TB_LIMIT_CONFIG_FILE + 1, file) : 0;
        bool bad = !file || ferror(file);
        int code = errno;
        if (file)
                fclose(file);
        if (bad) {
                tb_set_error(error, code == ENOENT ? TB_ERROR_NOT_FOUND : TB_ERROR_INVALID, "%s: %s", path,
                             g_strerror(code));
                return NULL;
        }
        return tb_yaml_parse(path, text, size, error);
}

json_t *tb_yaml_root(TbYaml *yaml)
{
        return yaml->root;
}

int tb_yaml_line(TbYaml *yaml, const json_t *node_)
{
        return (int)GPOINTER_TO_SIZE(g_hash_table_lookup(yaml->lines, node_));
}

int tb_yaml_field_line(TbYaml *yaml, const json_t *object, const char *key)
{
        g_autofree char *id = g_strdup_printf("%p.%s", (const void *)object, key);
        return (int)GPOINTER_TO_SIZE(g_hash_table_lookup(yaml->field_lines, id));
}

const char *tb_yaml_name(TbYaml *yaml)
{
        return yaml->name;
}

void tb_yaml_free(TbYaml *yaml)
{
        if (!yaml)
                return;
        if (yaml->lines)
                g_hash_table_unref(yaml->lines);
        if (yaml->field_lines)
                g_hash_table_unref(yaml->field_lines);
        json_decref(yaml->root);
        g_free(yaml->name);
        g_free(yaml);
}
