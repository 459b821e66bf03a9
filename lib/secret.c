#include "lib/secret.h"

#include <stdbool.h>
#include <string.h>

#define HIDDEN "***"

struct TbSecrets {
        GPtrArray *values; /* owned text, the longest first: one may be part of another */
};

static void wipe(gpointer text)
{
        explicit_bzero(text, strlen(text));
        g_free(text);
}

TbSecrets *tb_secrets_new(void)
{
        TbSecrets *secrets = g_new0(TbSecrets, 1);
        secrets->values = g_ptr_array_new_with_free_func(wipe);
        return secrets;
}

void tb_secrets_free(TbSecrets *secrets)
{
        if (!secrets)
                return;
        g_ptr_array_unref(secrets->values);
        g_free(secrets);
}

static int longest_first(gconstpointer a, gconstpointer b)
{
        gsize x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);
        return x < y ? 1 : x > y ? -1 : 0;
}

static void keep(TbSecrets *secrets, char *text_take)
{
        if (g_ptr_array_find_with_equal_func(secrets->values, text_take, g_str_equal, NULL))
                wipe(text_take);
        else
                g_ptr_array_add(secrets->values, text_take);
}

void tb_secrets_add(TbSecrets *secrets, const char *value)
{
        if (!value || strlen(value) < TB_SECRET_MIN)
                return;
        keep(secrets, g_strdup(value));
        char *escaped = g_uri_escape_string(value, NULL, FALSE), *lower = g_strdup(escaped);
        for (char *p = lower; (p = strchr(p, '%')) != NULL; p++)
                for (int i = 1; i <= 2; i++)
                        p[i] = g_ascii_tolower(p[i]);
        keep(secrets, escaped);
        keep(secrets, lower);
        g_ptr_array_sort(secrets->values, longest_first);
}

static bool holds(const TbSecrets *secrets, const char *text)
{
        for (guint i = 0; secrets && i < secrets->values->len; i++)
                if (strstr(text, secrets->values->pdata[i]))
                        return true;
        return false;
}

char *tb_secrets_hide(const TbSecrets *secrets, const char *text)
{
        if (!text || !holds(secrets, text))
                return g_strdup(text);
        GString *out = g_string_new(text);
        for (guint i = 0; i < secrets->values->len; i++)
                g_string_replace(out, secrets->values->pdata[i], HIDDEN, 0);
        return g_string_free(out, FALSE);
}

json_t *tb_secrets_hide_json(const TbSecrets *secrets, json_t *value_take)
{
        const char *key;
        json_t *value;
        void *next;
        gsize i;
        if (json_is_string(value_take) && holds(secrets, json_string_value(value_take))) {
                g_autofree char *hidden = tb_secrets_hide(secrets, json_string_value(value_take));
                json_decref(value_take);
                return json_string(hidden);
        }
        json_object_foreach_safe (value_take, next, key, value)
                json_object_set_new(value_take, key, tb_secrets_hide_json(secrets, json_incref(value)));
        json_array_foreach (value_take, i, value)
                json_array_set_new(value_take, i, tb_secrets_hide_json(secrets, json_incref(value)));
        return value_take;
}

void tb_secrets_hide_error(const TbSecrets *secrets, GError *error)
{
        if (!error || !holds(secrets, error->message))
                return;
        char *hidden = tb_secrets_hide(secrets, error->message);
        g_free(error->message);
        error->message = hidden;
}
