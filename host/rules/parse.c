/* Rules as users write them: from JSON, with words that name the field. */
#include <string.h>

#include "host/core/console/pattern.h"
#include "host/rules/rule.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/name.h"
#include "lib/param.h"

static const TbParam rule_params[] = {
        {.name = "name",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "what it is called"},
        {.name = "note", .type = TB_PARAM_STRING, .max = TB_LIMIT_LABEL, .help = "what it is for"},
        {.name = "enabled", .type = TB_PARAM_BOOL, .fallback = "true", .help = "false: it rests"},
        {.name = "dry_run",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "it says that it fires, and does nothing"},
        {.name = "device",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "whose streams, consoles, events"},
        {.name = "when", .type = TB_PARAM_OBJECT, .required = true, .help = "what happens"},
        {.name = "while", .type = TB_PARAM_OBJECT, .fallback = "{}", .help = "only so long: {power: on}"},
        {.name = "then",
         .type = TB_PARAM_ARRAY,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_RULE_ACTIONS,
         .help = "what is done, in this order"},
        {.name = "cooldown_s",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = 86400,
         .fallback = "30",
         .unit = "s",
         .help = "it does not fire again for so long"},
        {.name = "per_hour",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_RULE_PER_HOUR,
         .fallback = "60",
         .help = "it fires so often within an hour at most"},
        {.name = "active",
         .type = TB_PARAM_STRING,
         .min = 11,
         .max = 11,
         .help = "hours in which it fires, of the host's clock: 22:00-06:00"},
        {.name = "lease",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("respect", "take"),
         .fallback = "\"respect\"",
         .help = "when somebody else controls the device: be refused, or take it over"},
        TB_PARAM_END,
};
static const TbParam when_params[] = {
        {.name = "interface",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "only of this one"},
        {.name = "stream", .type = TB_PARAM_STRING, .min = 1, .max = TB_LIMIT_ID, .help = "a sensor stream"},
        {.name = "above", .type = TB_PARAM_NUMBER, .help = "more than this"},
        {.name = "below", .type = TB_PARAM_NUMBER, .help = "less than this"},
        {.name = "outside", .type = TB_PARAM_ARRAY, .min = 2, .max = 2, .help = "[low, high]"},
        {.name = "samples", .type = TB_PARAM_INT, .min = 1, .max = 10000, .help = "so many in a row"},
        {.name = "for_s",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = 86400,
         .unit = "s",
         .help = "for so long"},
        {.name = "hysteresis",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .help = "it is over when the value is back by so much"},
        {.name = "repeat", .type = TB_PARAM_BOOL, .help = "again and again while it is so"},
        {.name = "console",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_EXPECT_PATTERN,
         .help = "a pattern (PCRE2)"},
        {.name = "event", .type = TB_PARAM_STRING, .min = 1, .max = TB_LIMIT_ID, .help = "type of an event"},
        {.name = "where", .type = TB_PARAM_OBJECT, .help = "fields of the event and what they are"},
        {.name = "differ",
         .type = TB_PARAM_ARRAY,
         .min = 2,
         .max = 2,
         .help = "two fields of the event that say different things"},
        {.name = "missing",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "\"console\": no byte, or a stream: no sample, for_s"},
        {.name = "every_s",
         .type = TB_PARAM_NUMBER,
         .min = 1,
         .max = 31536000,
         .unit = "s",
         .help = "again and again"},
        {.name = "at",
         .type = TB_PARAM_STRING,
         .min = 5,
         .max = 5,
         .help = "each day, by the host's clock: 03:00"},
        TB_PARAM_END,
};
static const TbParam while_params[] = {
        {.name = "power",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("on", "off"),
         .help = "as it is observed"},
        TB_PARAM_END,
};
static const TbParam then_params[] = {
        {.name = "verb",
         .type = TB_PARAM_STRING,
         .min = 3,
         .max = 2 * TB_LIMIT_ID + 1,
         .help = "a command: power.cycle, recording.clip"},
        {.name = "device",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "of another device than the rule's"},
        {.name = "params", .type = TB_PARAM_ANY, .help = "of the command"},
        {.name = "notify",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_LABEL,
         .help = "words that the pages show"},
        {.name = "webhook",
         .type = TB_PARAM_STRING,
         .min = 8,
         .max = TB_LIMIT_URI,
         .help = "http:// or https://, told by POST"},
        {.name = "secret", .type = TB_PARAM_SECRET, .min = 8, .max = 256, .help = "of the signature"},
        TB_PARAM_END,
};

/* The errors of a part, named from the whole. */
static json_t *part(const TbParam *params, json_t *in, const char *where, GError **error)
{
        g_autoptr(GError) wrong = NULL;
        json_t *out = tb_params_validate(params, in, &wrong);
        if (out)
                return out;
        g_autofree char *field = tb_error_field(wrong)
                                         ? g_strdup_printf("%s.%s", where, tb_error_field(wrong))
                                         : g_strdup(where);
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s: %s", where, tb_error_detail(wrong));
        return NULL;
}

static bool bad(GError **error, const char *field, const char *text)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s: %s", field, text);
        return false;
}

static const char *text_of(const json_t *o, const char *key)
{
        return json_string_value(json_object_get(o, key));
}

/* "22:00": minutes of the day; -1: it is no time. */
static int minutes(const char *text)
{
        for (int i = 0; i < 5; i++)
                if (i == 2 ? text[i] != ':' : !g_ascii_isdigit(text[i]))
                        return -1;
        int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
        return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
}

static bool parse_hours(TbRule *r, const char *text, GError **error)
{
        r->from_minute = r->to_minute = -1;
        if (!text)
                return true;
        r->from_minute = minutes(text);
        r->to_minute = text[5] == '-' ? minutes(text + 6) : -1;
        if (r->from_minute < 0 || r->to_minute < 0)
                return bad(error, "active", "hours are written 22:00-06:00, by the host's clock");
        return r->from_minute != r->to_minute ||
               bad(error, "active", "these hours end when they begin: leave `active` out for always");
}

/* --- when --- */
static bool parse_range(TbRule *r, const json_t *when, GError **error)
{
        const json_t *above = json_object_get(when, "above"), *below = json_object_get(when, "below"),
                     *outside = json_object_get(when, "outside");
        if (!!above + !!below + !!outside != 1)
                return bad(error, "when",
                           "a stream is `above` or `below` a value, or `outside` of two: say one of them");
        if (outside) {
                below = json_array_get(outside, 0);
                above = json_array_get(outside, 1);
                if (!json_is_number(below) || !json_is_number(above) ||
                    json_number_value(below) > json_number_value(above))
                        return bad(error, "when.outside",
                                   "[low, high] is wanted, two numbers, the lower one first");
        }
        r->has_high = above != NULL;
        r->has_low = below != NULL;
        r->high = json_number_value(above);
        r->low = json_number_value(below);
        r->hysteresis = json_number_value(json_object_get(when, "hysteresis"));
        r->repeat = json_is_true(json_object_get(when, "repeat"));
        const json_t *samples = json_object_get(when, "samples");
        r->samples = samples ? (guint)json_integer_value(samples) : 1;
        return true;
}

static bool parse_event(TbRule *r, const json_t *when, GError **error)
{
        const json_t *differ = json_object_get(when, "differ");
        json_t *where = json_object_get(when, "where"), *value;
        const char *key;
        if (!tb_name_valid(TB_NAME_TYPE, r->event))
                return bad(error, "when.event",
                           "a type of event is words with dots between: power.state, usb.removed");
        if (g_str_has_prefix(r->event, "rule.") || g_str_equal(r->event, "sample") ||
            g_str_equal(r->event, "line"))
                return bad(
                        error, "when.event",
                        "what rules do is no event for rules; of samples say `stream`, of output `console`");
        json_object_foreach (where, key, value) {
                if (json_is_object(value) || json_is_array(value))
                        return bad(error, "when.where",
                                   "each field is compared with a text, a number, true, false or null");
        }
        r->where = json_object_size(where) ? json_incref(where) : NULL;
        for (int i = 0; differ && i < 2; i++) {
                if (!json_is_string(json_array_get(differ, (size_t)i)))
                        return bad(error, "when.differ",
                                   "two names of fields are wanted: [commanded, observed]");
                r->differ[i] = g_strdup(json_string_value(json_array_get(differ, (size_t)i)));
        }
        return true;
}

static bool parse_schedule(TbRule *r, const json_t *when, GError **error)
{
        const char *at = text_of(when, "at");
        r->every_ms = (gint64)(json_number_value(json_object_get(when, "every_s")) * 1000);
        r->at_minute = at ? minutes(at) : -1;
        return !at || r->at_minute >= 0 ||
               bad(error, "when.at", "a time is written 03:00, by the host's clock");
}

/* What has no part in this sort of rule was meant for something: said, not left out. */
static bool check_fields(const json_t *when, const char *main_field, const char *const *fields,
                         GError **error)
{
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)when, key, value) {
                if (strcmp(key, main_field) == 0 || g_strv_contains(fields, key))
                        continue;
                g_autofree char *field = g_strdup_printf("when.%s", key);
                g_autofree char *known = g_strjoinv(", ", (char **)fields);
                tb_error_set_field(error, TB_ERROR_INVALID, field, "%s: beside `%s` stand %s", field,
                                   main_field, known);
                return false;
        }
        return true;
}

typedef struct Sort {
        const char *field;
        TbRuleSort sort;
        const char *const *fields; /* that may stand beside it */
        bool needs_device;
} Sort;

static const Sort sorts[] = {
        {"stream", TB_RULE_STREAM,
         TB_CHOICES("interface", "above", "below", "outside", "samples", "for_s", "hysteresis", "repeat"),
         true},
        {"console", TB_RULE_CONSOLE, TB_CHOICES("interface"), true},
        {"event", TB_RULE_EVENT, TB_CHOICES("interface", "where", "differ"), false},
        {"missing", TB_RULE_MISSING, TB_CHOICES("interface", "for_s"), true},
        {"every_s", TB_RULE_SCHEDULE, TB_CHOICES("every_s"), false},
        {"at", TB_RULE_SCHEDULE, TB_CHOICES("at"), false},
};

/* One that nothing at all matches fires at once and always, whatever the device prints. */
static bool check_pattern(const char *text, GError **error)
{
        g_autoptr(GError) wrong = NULL;
        TbPattern *pattern = tb_pattern_new(text, strlen(text), &wrong);
        if (!pattern)
                return bad(error, "when.console", tb_error_detail(wrong));
        TbScan *scan = tb_scan_new(pattern);
        bool always = tb_scan_step(scan, true, G_MAXINT64, NULL) == TB_SCAN_FOUND;
        tb_scan_free(scan);
        tb_pattern_free(pattern);
        return !always || bad(error, "when.console",
                              "the pattern is found where nothing is printed, too, and would fire always: "
                              "a+ instead of a*");
}

static bool parse_sort(TbRule *r, const Sort *sort, const json_t *when, GError **error)
{
        if (!check_fields(when, sort->field, sort->fields, error))
                return false;
        if (sort->needs_device && !r->device)
                return bad(error, "device", "name the device that the rule is about");
        r->sort = sort->sort;
        r->interface = g_strdup(text_of(when, "interface"));
        r->stream = g_strdup(text_of(when, "stream"));
        r->pattern = g_strdup(text_of(when, "console"));
        r->event = g_strdup(text_of(when, "event"));
        r->for_ms = (gint64)(json_number_value(json_object_get(when, "for_s")) * 1000);
        const char *missing = text_of(when, "missing");
        if (missing && strcmp(missing, "console") != 0)
                r->stream = g_strdup(missing);
        if (r->stream && !tb_name_valid(TB_NAME_STREAM, r->stream))
                return bad(error, missing ? "when.missing" : "when.stream", "that is no name of a stream");
        switch (r->sort) {
        case TB_RULE_STREAM: return parse_range(r, when, error);
        case TB_RULE_EVENT: return parse_event(r, when, error);
        case TB_RULE_SCHEDULE: return parse_schedule(r, when, error);
        case TB_RULE_MISSING:
                return r->for_ms >= 1000 ||
                       bad(error, "when.for_s", "how long it is missing: a second at least");
        case TB_RULE_CONSOLE: return check_pattern(r->pattern, error);
        }
        return true;
}

static bool parse_when(TbRule *r, json_t *in, GError **error)
{
        json_auto_t *when = part(when_params, in, "when", error);
        const Sort *sort = NULL;
        for (guint i = 0; when && i < G_N_ELEMENTS(sorts); i++) {
                if (!json_object_get(when, sorts[i].field))
                        continue;
                if (sort)
                        return bad(error, "when", "it says two things: make two rules of it");
                sort = &sorts[i];
        }
        if (when && !sort)
                return bad(error, "when", "one of stream, console, event, missing, every_s, at is wanted");
        return when && parse_sort(r, sort, when, error);
}

static bool parse_while(TbRule *r, json_t *in, GError **error)
{
        json_auto_t *o = part(while_params, in, "while", error);
        if (!o)
                return false;
        const char *power = text_of(o, "power");
        r->power = power ? g_str_equal(power, "on") : -1;
        return !power || r->device || bad(error, "device", "name the device whose power is meant");
}

/* --- then --- */
static bool check_action(const TbRule *r, json_t *in, const char *where, GError **error)
{
        json_auto_t *a = part(then_params, in, where, error);
        if (!a)
                return false;
        const char *verb = text_of(a, "verb"), *url = text_of(a, "webhook"),
                   *dot = verb ? strrchr(verb, '.') : NULL;
        g_autofree char *of_verb = g_strdup_printf("%s.verb", where),
                        *of_url = g_strdup_printf("%s.webhook", where),
                        *of_device = g_strdup_printf("%s.device", where);
        if (!!verb + !!url + !!text_of(a, "notify") != 1)
                return bad(error, where, "one of verb, notify, webhook is wanted");
        if (verb && (!dot || dot == verb || !dot[1]))
                return bad(error, of_verb, "a verb is <interface>.<operation>, like power.cycle");
        if (verb && !r->device && !text_of(a, "device"))
                return bad(error, of_device, "name the device: the rule has none");
        if (!url)
                return true;
        bool plain = true; /* g_uri_parse() mends blanks at the ends, and takes them within */
        for (const guchar *c = (const guchar *)url; *c; c++)
                plain = plain && *c > ' ' && *c != 127;
        if (!plain)
                return bad(error, of_url, "an address has no blanks and no control characters");
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
        bool http = uri && (g_str_equal(g_uri_get_scheme(uri), "http") ||
                            g_str_equal(g_uri_get_scheme(uri), "https"));
        if (!http || !g_uri_get_host(uri) || !*g_uri_get_host(uri) || g_uri_get_userinfo(uri))
                return bad(error, of_url,
                           "an http:// or https:// address with a host is wanted, without a password in it "
                           "(say `secret`)");
        return true;
}

static bool parse_then(TbRule *r, json_t *then, GError **error)
{
        for (size_t i = 0; i < json_array_size(then); i++) {
                g_autofree char *where = g_strdup_printf("then[%zu]", i);
                if (!check_action(r, json_array_get(then, i), where, error))
                        return false;
        }
        r->then = json_incref(then);
        return true;
}

TbRule *tb_rule_parse(json_t *json, GError **error)
{
        json_auto_t *in = tb_params_validate(rule_params, json, error);
        if (!in)
                return NULL;
        g_autoptr(TbRule) r = g_new0(TbRule, 1);
        r->name = g_strdup(text_of(in, "name"));
        r->device = g_strdup(text_of(in, "device"));
        r->note = g_strdup(text_of(in, "note"));
        r->enabled = json_is_true(json_object_get(in, "enabled"));
        r->dry_run = json_is_true(json_object_get(in, "dry_run"));
        r->takes_lease = g_str_equal(text_of(in, "lease"), "take");
        r->cooldown_ms = (gint64)(json_number_value(json_object_get(in, "cooldown_s")) * 1000);
        r->per_hour = (guint)json_integer_value(json_object_get(in, "per_hour"));
        r->at_minute = -1;
        if (!tb_name_valid(TB_NAME_ID, r->name)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "name", "a rule's name is %s",
                                   tb_name_rule(TB_NAME_ID));
                return NULL;
        }
        if (r->device && !tb_name_valid(TB_NAME_ID, r->device)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "device", "a device's id is %s",
                                   tb_name_rule(TB_NAME_ID));
                return NULL;
        }
        if (!parse_hours(r, text_of(in, "active"), error) ||
            !parse_when(r, json_object_get(in, "when"), error) ||
            !parse_while(r, json_object_get(in, "while"), error) ||
            !parse_then(r, json_object_get(in, "then"), error))
                return NULL;
        r->source = json_incref(in);
        return g_steal_pointer(&r);
}
