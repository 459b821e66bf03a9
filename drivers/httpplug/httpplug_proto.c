#define PCRE2_CODE_UNIT_WIDTH 8
#include "drivers/httpplug/httpplug_proto.h"

#include <pcre2.h>
#include <string.h>

#include "lib/json.h"

#define STEPS 100000 /* of a pattern: the answer is the device's */
#define SEEN 40      /* bytes of an answer in a text */

/* --- requests --- */
static char *filled(const char *text, int output)
{
        GString *out = g_string_new(text);
        g_autofree char *from0 = g_strdup_printf("%d", output), *from1 = g_strdup_printf("%d", output + 1);
        g_string_replace(out, "{output}", from0, 0);
        g_string_replace(out, "{number}", from1, 0);
        return g_string_free(out, FALSE);
}

static bool is_target(const char *target)
{
        for (const char *c = target; *c; c++)
                if (*c <= ' ' || *c > '~')
                        return false;
        return *target == '/';
}

bool tb_httpplug_request(const char *text, const char *body, int output, TbHttpplugRequest *ret,
                         GError **error)
{
        static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", NULL};
        const char *space = strchr(text, ' ');
        g_autofree char *method = space ? g_ascii_strup(text, space - text) : g_strdup(body ? "POST" : "GET");
        g_autofree char *target = filled(space ? space + 1 : text, output);
        if (!g_strv_contains(methods, method) || !is_target(target)) {
                tb_set_error(
                        error, TB_ERROR_INVALID,
                        "\"%s\" is no request: \"/path?query\", or GET, POST, PUT or PATCH, a space and that",
                        text);
                return false;
        }
        *ret = (TbHttpplugRequest){g_steal_pointer(&method), g_steal_pointer(&target),
                                   body ? filled(body, output) : NULL};
        return true;
}

void tb_httpplug_request_clear(TbHttpplugRequest *r)
{
        g_free(r->method);
        g_free(r->target);
        g_free(r->body);
        *r = (TbHttpplugRequest){0};
}

/* --- answers --- */
static pcre2_code *compile(const char *pattern, GError **error)
{
        int number;
        PCRE2_SIZE offset;
        uint32_t groups = 0;
        pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                         PCRE2_MULTILINE | PCRE2_NEVER_UTF, &number, &offset, NULL);
        if (code)
                pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
        if (code && groups > 0)
                return code;
        PCRE2_UCHAR why[120] = "a group in brackets must stand around the state: state=(\\w+)";
        if (!code)
                pcre2_get_error_message(number, why, sizeof why);
        pcre2_code_free(code);
        tb_error_set_field(error, TB_ERROR_INVALID, "regex", "%s", (const char *)why);
        return NULL;
}

static bool check_pointer(const char *field, const char *pointer, GError **error)
{
        if (!pointer || *pointer == '/')
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, field,
                           "a JSON pointer begins with a slash: /outputs/*/state (* is the output)");
        return false;
}

bool tb_httpplug_check_place(const TbHttpplugPlace *place, GError **error)
{
        pcre2_code *code = NULL;
        if (place->pointer && place->pattern) {
                tb_error_set_field(error, TB_ERROR_INVALID, "regex", "either this or \"pointer\" says it");
                return false;
        }
        if (!place->on_value != !place->off_value) {
                tb_error_set_field(error, TB_ERROR_INVALID, place->on_value ? "off_value" : "on_value",
                                   "say both: what is neither is unknown");
                return false;
        }
        if (!check_pointer("pointer", place->pointer, error) ||
            !check_pointer("watts", place->watts, error) ||
            (place->pattern && !(code = compile(place->pattern, error))))
                return false;
        pcre2_code_free(code);
        return true;
}

/* What the first group of the pattern is; NULL: it matches nowhere. The caller frees. */
static char *match_of(const char *pattern, const char *text, gsize size)
{
        pcre2_code *code = compile(pattern, NULL);
        if (!code)
                return NULL;
        pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
        pcre2_match_context *limits = pcre2_match_context_create(NULL);
        pcre2_set_match_limit(limits, STEPS);
        pcre2_set_depth_limit(limits, STEPS);
        int n = pcre2_match(code, (PCRE2_SPTR)text, size, 0, 0, data, limits);
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
        char *found = n > 1 && at[2] != PCRE2_UNSET ? g_strndup(text + at[2], at[3] - at[2]) : NULL;
        pcre2_match_context_free(limits);
        pcre2_match_data_free(data);
        pcre2_code_free(code);
        return found;
}

static char *value_of(const TbHttpplugPlace *place, const json_t *json, const char *text, gsize size,
                      int output)
{
        if (place->pointer)
                return tb_reading_word(tb_reading_at(json, place->pointer, output));
        if (place->pattern)
                return match_of(place->pattern, text, size);
        return g_strndup(text, size);
}

static bool means(const TbHttpplugPlace *place, const char *word, bool *ret_on)
{
        if (!place->on_value) {
                json_auto_t *value = json_string(word);
                return tb_reading_switch(value, ret_on);
        }
        *ret_on = strcmp(word, place->on_value) == 0;
        return *ret_on || strcmp(word, place->off_value) == 0;
}

bool tb_httpplug_parse(const TbHttpplugPlace *place, const char *text, gsize size, int output,
                       TbPlugState *ret, GError **error)
{
        json_auto_t *json = place->pointer || place->watts ? tb_json_parse(text, size, NULL) : NULL;
        char *word = value_of(place, json, text, size, output);
        bool on = false;
        if (word)
                g_strstrip(word);
        if (!word || !means(place, word, &on)) {
                g_autofree char *seen =
                        g_utf8_make_valid(word ? word : text, (gssize)MIN(word ? strlen(word) : size, SEEN));
                tb_set_error(error, TB_ERROR_DEVICE, "%s says neither on nor off: %s",
                             place->pointer   ? place->pointer
                             : place->pattern ? "what \"regex\" finds"
                                              : "its answer",
                             word || !place->pattern ? g_strstrip(seen) : "nothing");
                g_free(word);
                return false;
        }
        g_free(word);
        static const TbReading rows[] = {TB_READING_WATTS(""), {NULL}};
        const TbReading watts = {.stream = "", .pointer = place->watts, .scale = 1};
        *ret = (TbPlugState){{on ? TB_POWER_ON : TB_POWER_OFF, NAN, NAN, NAN, NAN}, NULL, {0}};
        if (place->watts) {
                ret->rows = rows;
                ret->power.watts = ret->values[0] = tb_reading_json(&watts, json, output);
        }
        return true;
}
