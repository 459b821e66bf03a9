/* Requests in the dialect of the firmware, what is refused in words, and who answers a broadcast. */
#include "drivers/seestar/seestar_proto.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"

gssize tb_seestar_line(const void *data, gsize size)
{
        const char *end = memchr(data, '\n', MIN(size, TB_LIMIT_SEESTAR_LINE));
        if (end)
                return end - (const char *)data + 1;
        return size >= TB_LIMIT_SEESTAR_LINE ? -1 : 0;
}

/* A signature's own methods are spoken plainly. */
static bool is_plain(const char *method)
{
        static const char *const plain[] = {"get_verify_str", "verify_client", "pi_is_verified", NULL};
        return g_strv_contains(plain, method);
}

/* With the word that newer firmware wants. The caller owns it; NULL: no parameters. */
static json_t *verified(json_t *params, const char *method, int firmware)
{
        if ((firmware != 0 && firmware <= TB_SEESTAR_FW_VERIFY) || is_plain(method))
                return json_incref(params);
        if (!params)
                return json_pack("[s]", "verify");
        if (json_is_object(params)) {
                json_t *with = json_copy(params);
                if (firmware < TB_SEESTAR_FW_OBJECTS)
                        json_object_set_new(with, "verify", json_true());
                return with;
        }
        if (!json_is_array(params))
                return json_pack("[O, s]", params, "verify");
        json_t *with = json_copy(params);
        json_array_append_new(with, json_string("verify"));
        return with;
}

char *tb_seestar_request(int id, const char *method, json_t *params, int firmware)
{
        json_auto_t *request = json_pack("{s:i, s:s}", "id", id, "method", method);
        json_t *with = verified(params, method, firmware);
        if (with)
                json_object_set_new(request, "params", with);
        g_autofree char *text = tb_json_text(request, NULL);
        return text ? g_strconcat(text, "\r\n", NULL) : NULL;
}

bool tb_seestar_refuses(json_t *answer, const char *method, GError **error)
{
        static const struct {
                int code;
                TbErrorCode as;
                const char *words;
        } known[] = {
                {103, TB_ERROR_UNSUPPORTED, "its firmware does not know this"},
                {107, TB_ERROR_DEVICE, "its firmware wants other parameters"},
                {109, TB_ERROR_DEVICE, "its firmware wants other parameters"},
                {207, TB_ERROR_UNPROCESSABLE,
                 "is it busy with something else, is its arm folded, or is another program its master?"},
                {210, TB_ERROR_UNSUPPORTED, "this model cannot do it"},
                {251, TB_ERROR_UNPROCESSABLE,
                 "it does not recognise the stars: clouds, dew, or something in front of it?"},
                {255, TB_ERROR_UNPROCESSABLE, "it has no such file"},
                {259, TB_ERROR_BUSY, "pictures are being stacked already: stop that first"},
        };
        json_t *said = json_object_get(answer, "error"), *code = json_object_get(answer, "code");
        json_int_t n = json_is_integer(code) ? json_integer_value(code) : 0;
        if (!said && n == 0)
                return false;
        g_autofree char *text = tb_text_cut(json_is_string(said) ? json_string_value(said) : "", 100);
        for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
                if (known[i].code == n) {
                        tb_set_error(error, known[i].as, "the telescope refuses %s (%s, %d): %s", method,
                                     text, (int)n, known[i].words);
                        return true;
                }
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "the telescope refuses %s: %s (%" JSON_INTEGER_FORMAT ")",
                     method, *text ? text : "it does not say why", n);
        return true;
}

static void keep(char *into, gsize size, json_t *text)
{
        g_autofree char *fit = tb_text_cut(json_is_string(text) ? json_string_value(text) : "", size - 1);
        g_strlcpy(into, fit, size);
}

bool tb_seestar_found(const void *data, gsize size, const char *sender, TbSeestarFound *ret)
{
        json_auto_t *answer = tb_json_parse(data, size, NULL);
        json_t *result = json_object_get(answer, "result");
        const char *method = json_string_value(json_object_get(answer, "method"));
        if (g_strcmp0(method, "scan_iscope") != 0 ||
            !json_is_object(result)) /* our own probe has no result */
                return false;
        TbSeestarFound found = {.verified = json_is_true(json_object_get(result, "is_verified"))};
        g_strlcpy(found.ip, sender, sizeof found.ip); /* what it says of its address, anybody could say */
        keep(found.model, sizeof found.model, json_object_get(result, "product_model"));
        keep(found.serial, sizeof found.serial, json_object_get(result, "sn"));
        *ret = found;
        return true;
}
