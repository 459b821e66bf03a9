#define PCRE2_CODE_UNIT_WIDTH 8
#include "drivers/serialrelay/serialrelay_proto.h"

#include <pcre2.h>
#include <string.h>

#include "lib/error.h"

#define STEPS 100000 /* of a pattern: the answer is the board's */
#define SEEN 40      /* bytes of an answer in a text */

#define KMTRONIC                                                                                             \
        .on = "\\xFF{byte}\\x01", .off = "\\xFF{byte}\\x00", .on_value = "\\x01", .off_value = "\\x00"
static const struct Known {
        const char *name;
        bool asked; /* is read back unless the parameters say otherwise */
        TbSerialrelayBoard board;
} known[] = {
        /* Many never answer FF: only who says so is asked. */
        {"lcus",
         false,
         {.on = "\\xA0{byte}\\x01{sum}",
          .off = "\\xA0{byte}\\x00{sum}",
          .query = "\\xFF",
          .reply = "CH{relay}: *(ON|OFF)",
          .first = 1,
          .last = 16}},
        /* It sends back what it gets: an answer is only one behind its own question. */
        {"numato",
         true,
         {.on = "relay on {id}\r",
          .off = "relay off {id}\r",
          .query = "relay read {id}\r",
          .reply = "relay read {id}[\\r\\n]+(\\w+)[\\r\\n]",
          .first = 0,
          .last = 31}},
        {"numato64",
         true,
         {.on = "relay on {two}\r",
          .off = "relay off {two}\r",
          .query = "relay read {two}\r",
          .reply = "relay read {two}[\\r\\n]+(\\w+)[\\r\\n]",
          .first = 0,
          .last = 63}},
        {"kmtronic", /* one relay, or two */
         true,
         {KMTRONIC, .query = "\\xFF{byte}\\x03", .reply = "\\xFF{byte}([\\x00-\\xFF])", .first = 1,
          .last = 2}},
        {"kmtronic4",
         true,
         {KMTRONIC, .query = "\\xFF\\x09\\x00",
          .reply = "^(?=[\\x00\\x01]{4}$)[\\x00\\x01]{{before}}([\\x00\\x01])", .first = 1, .last = 4}},
        {"kmtronic8",
         true,
         {KMTRONIC, .query = "\\xFF\\x09\\x00",
          .reply = "^(?=[\\x00\\x01]{8}$)[\\x00\\x01]{{before}}([\\x00\\x01])", .first = 1, .last = 8}},
        {"custom", true, {.first = 0, .last = TB_SERIALRELAY_MAX}},
};

/* --- templates --- */
/* \xHH and its like at `*at`, which is moved behind it; -1: none. */
static int unescape(const char **at)
{
        static const char names[] = "rnt\\", means[] = "\r\n\t\\";
        const char *c = *at + 1, *name = *c ? strchr(names, *c) : NULL;
        if (name) {
                *at += 2;
                return means[name - names];
        }
        if (*c != 'x' || !g_ascii_isxdigit(c[1]) || !g_ascii_isxdigit(c[2]))
                return -1;
        *at += 4;
        return g_ascii_xdigit_value(c[1]) * 16 + g_ascii_xdigit_value(c[2]);
}

/* A word in braces that stands for text, in requests and patterns alike. */
static bool put_word(GString *out, const char *word, gsize size, int relay)
{
        if (size == 7 && memcmp(word, "{relay}", 7) == 0)
                g_string_append_printf(out, "%d", relay);
        else if (size == 4 && memcmp(word, "{id}", 4) == 0)
                g_string_append_c(out, (char)(relay < 10 ? '0' + relay : 'A' + relay - 10));
        else if (size == 5 && memcmp(word, "{two}", 5) == 0)
                g_string_append_printf(out, "%02d", relay);
        else
                return false;
        return true;
}

static gsize word_size(const char *at)
{
        const char *end = strchr(at, '}');
        return end ? (gsize)(end + 1 - at) : 0;
}

static bool is_word(const char *at, gsize size, const char *word)
{
        return size == strlen(word) && memcmp(at, word, size) == 0;
}

GBytes *tb_serialrelay_request(const char *template, int relay, GError **error)
{
        GString *out = g_string_new(NULL);
        for (const char *at = template; *at;) {
                gsize size = *at == '{' ? word_size(at) : 0;
                int byte = 0;
                if (*at == '\\') {
                        byte = unescape(&at);
                } else if (*at != '{') {
                        byte = (guchar)*at++;
                } else if (is_word(at, size, "{byte}")) {
                        byte = relay;
                        at += size;
                } else if (is_word(at, size, "{sum}")) {
                        for (gsize i = 0; i < out->len; i++)
                                byte += (guchar)out->str[i];
                        at += size;
                } else if (put_word(out, at, size, relay)) {
                        at += size;
                        continue;
                } else {
                        byte = -1;
                }
                if (byte < 0) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "not understood from \"%s\" on: {relay}, {id}, {two}, {byte}, {sum}, "
                                     "\\r, \\n, \\t, "
                                     "\\\\ and \\xHH mean something",
                                     at);
                        g_string_free(out, TRUE);
                        return NULL;
                }
                g_string_append_c(out, (char)byte);
        }
        if (out->len == 0) {
                tb_set_error(error, TB_ERROR_INVALID, "nothing would be sent");
                g_string_free(out, TRUE);
                return NULL;
        }
        return g_string_free_to_bytes(out);
}

/* --- answers --- */
static pcre2_code *compile(const TbSerialrelayBoard *board, int relay, GError **error)
{
        g_autoptr(GString) pattern = g_string_new(NULL);
        for (const char *at = board->reply; *at;) {
                gsize size = *at == '{' ? word_size(at) : 0;
                if (is_word(at, size, "{byte}"))
                        g_string_append_printf(pattern, "\\x%02X", (guint)relay);
                else if (is_word(at, size, "{{before}")) /* how many of the list stand before it */
                        g_string_append_printf(pattern, "{%d", relay - board->first);
                else if (size == 0 || !put_word(pattern, at, size, relay))
                        g_string_append_len(pattern, at, (gssize)(size = 1));
                at += size;
        }
        int number;
        PCRE2_SIZE offset;
        uint32_t groups = 0;
        pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern->str, pattern->len,
                                         PCRE2_NEVER_UTF | PCRE2_DOLLAR_ENDONLY, &number, &offset, NULL);
        if (code)
                pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
        if (code && groups > 0)
                return code;
        PCRE2_UCHAR why[120] = "a group in brackets must stand around the state: relay {relay} is (\\w+)";
        if (!code)
                pcre2_get_error_message(number, why, sizeof why);
        pcre2_code_free(code);
        tb_error_set_field(error, TB_ERROR_INVALID, "reply", "%s", (const char *)why);
        return NULL;
}

static bool is_value(const char *template, int relay, const char *data, gsize size)
{
        g_autoptr(GBytes) bytes = tb_serialrelay_request(template, relay, NULL);
        gsize n = 0;
        const void *value = bytes ? g_bytes_get_data(bytes, &n) : NULL;
        return n == size && size > 0 && memcmp(value, data, size) == 0;
}

static TbSerialrelayReply meaning(const TbSerialrelayBoard *board, int relay, const char *data, gsize size)
{
        static const char *const words[][3] = {{"on", "true", "1"}, {"off", "false", "0"}};
        if (board->on_value)
                return is_value(board->on_value, relay, data, size)    ? TB_SERIALRELAY_ON
                       : is_value(board->off_value, relay, data, size) ? TB_SERIALRELAY_OFF
                                                                       : TB_SERIALRELAY_NEITHER;
        for (guint i = 0; i < 6; i++) {
                const char *word = words[i / 3][i % 3];
                if (strlen(word) == size && g_ascii_strncasecmp(word, data, size) == 0)
                        return i < 3 ? TB_SERIALRELAY_ON : TB_SERIALRELAY_OFF;
        }
        return TB_SERIALRELAY_NEITHER;
}

static char *shown(const char *data, gsize size)
{
        GString *out = g_string_new(NULL);
        for (gsize i = 0; i < MIN(size, SEEN); i++)
                if (data[i] >= ' ' && data[i] <= '~')
                        g_string_append_c(out, data[i]);
                else
                        g_string_append_printf(out, "\\x%02X", (guint)(guchar)data[i]);
        return g_string_free(out, FALSE);
}

TbSerialrelayReply tb_serialrelay_parse(const TbSerialrelayBoard *board, int relay, const void *data,
                                        gsize size, char **ret_word)
{
        pcre2_code *code = compile(board, relay, NULL);
        TbSerialrelayReply reply = TB_SERIALRELAY_MORE;
        if (ret_word)
                *ret_word = NULL;
        if (!code)
                return reply;
        pcre2_match_data *match = pcre2_match_data_create_from_pattern(code, NULL);
        pcre2_match_context *limits = pcre2_match_context_create(NULL);
        pcre2_set_match_limit(limits, STEPS);
        pcre2_set_depth_limit(limits, STEPS);
        int n = pcre2_match(code, data, size, 0, 0, match, limits);
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(match);
        if (n > 1 && at[2] != PCRE2_UNSET && at[3] >= at[2]) {
                const char *word = (const char *)data + at[2];
                reply = meaning(board, relay, word, at[3] - at[2]);
                if (ret_word)
                        *ret_word = shown(word, at[3] - at[2]);
        }
        pcre2_match_context_free(limits);
        pcre2_match_data_free(match);
        pcre2_code_free(code);
        return reply;
}

/* --- parameters --- */
static bool invalid(const char *field, const char *why, GError **error)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s", why);
        return false;
}

static bool check_template(const char *field, const char *template, int relay, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(GBytes) bytes = template ? tb_serialrelay_request(template, relay, &why) : NULL;
        return !template || bytes || invalid(field, why ? why->message : "", error);
}

static bool take_custom(const json_t *params, TbSerialrelayBoard *ret, bool custom, GError **error)
{
        const struct {
                const char *name, **value;
        } texts[] = {{"on", &ret->on},       {"off", &ret->off},           {"query", &ret->query},
                     {"reply", &ret->reply}, {"on_value", &ret->on_value}, {"off_value", &ret->off_value}};
        int relay = (int)json_integer_value(json_object_get(params, "relay"));
        for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
                const char *text = json_string_value(json_object_get(params, texts[i].name));
                if (text && !custom)
                        return invalid(texts[i].name, "only board=custom takes it: this board's are known",
                                       error);
                if (text)
                        *texts[i].value = text;
                if (text && texts[i].value != &ret->reply &&
                    !check_template(texts[i].name, text, relay, error))
                        return false;
        }
        if (!ret->on || !ret->off)
                return invalid(ret->on ? "off" : "on",
                               "say what is sent: \"relay {relay} on\\r\", \"\\xA0{byte}\\x01{sum}\"", error);
        if (!ret->query != !ret->reply)
                return invalid(ret->query ? "reply" : "query", "\"query\" and \"reply\" belong together",
                               error);
        if (!ret->on_value != !ret->off_value)
                return invalid(ret->on_value ? "off_value" : "on_value",
                               "say both: what is neither is unknown", error);
        return true;
}

bool tb_serialrelay_board(const json_t *params, TbSerialrelayBoard *ret, GError **error)
{
        const char *name = json_string_value(json_object_get(params, "board"));
        int relay = (int)json_integer_value(json_object_get(params, "relay"));
        const json_t *readback = json_object_get(params, "readback");
        const struct Known *k = &known[0];
        while (k < &known[G_N_ELEMENTS(known) - 1] && g_strcmp0(k->name, name) != 0)
                k++;
        *ret = k->board;
        if (relay < ret->first || relay > ret->last) {
                tb_error_set_field(error, TB_ERROR_INVALID, "relay", "this board's relays are %d to %d",
                                   ret->first, ret->last);
                return false;
        }
        if (!take_custom(params, ret, !k->board.on, error))
                return false;
        if (readback ? !json_is_true(readback) : !k->asked)
                ret->query = ret->reply = NULL;
        else if (readback && !ret->query)
                return invalid("readback", "say \"query\" and \"reply\": how it is asked", error);
        pcre2_code *code = ret->reply ? compile(ret, relay, error) : NULL;
        bool ok = !ret->reply || code;
        pcre2_code_free(code);
        return ok;
}
