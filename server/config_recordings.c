#include "server/config_recordings.h"

#include "lib/limits.h"
#include "lib/limits_recordings.h"

#define KEY_FILE_MOST 8192
#define BYTES_LEAST 1048576
#define BYTES_MOST 1e13
#define DAYS_MOST 36500

static const TbParam params[] = {
        {.name = "key_file",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 4096,
         .help = "a file of master keys, one a line, 32 bytes each in base64: the first seals, the others "
                 "open; none: nothing "
                 "is recorded"},
        {.name = "keep_days",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = DAYS_MOST,
         .fallback = G_STRINGIFY(TB_LIMIT_RECORDING_DAYS),
         .unit = "days",
         .help = "that one is kept"},
        {.name = "max_bytes",
         .type = TB_PARAM_INT,
         .min = BYTES_LEAST,
         .max = BYTES_MOST,
         .fallback = G_STRINGIFY(TB_LIMIT_RECORDING_BYTES),
         .unit = "bytes",
         .help = "of one recording"},
        TB_PARAM_END,
};

void tb_config_recordings_read(TbRecordingsConfig *c, TbConfigReader *r, const json_t *top)
{
        json_auto_t *in = tb_config_section(r, params, json_object_get(top, "recordings"), "recordings");
        g_autofree char *said = tb_config_string(in, "key_file"), *file = tb_config_path(r, said),
                        *text = NULL;
        g_autoptr(GError) error = NULL;
        gsize size = 0;
        c->keep_days = (guint)json_integer_value(json_object_get(in, "keep_days"));
        c->most_bytes = (guint64)json_integer_value(json_object_get(in, "max_bytes"));
        if (!file)
                return;
        if (!g_file_get_contents(file, &text, &size, NULL) || size > KEY_FILE_MOST)
                tb_config_problem(r, json_object_get(top, "recordings"), "key_file", "recordings.key_file",
                                  "%s cannot be read, or is no file of keys", file);
        else if (!(c->keys = tb_seal_keys_parse(text, &error)))
                tb_config_problem(r, json_object_get(top, "recordings"), "key_file", "recordings.key_file",
                                  "%s: %s", file, error->message);
        if (text)
                memset(text, 0, size);
}

/* A number of the environment; 0: not set, or no such number, which is told. */
static guint64 number(TbConfigReader *r, const char *name, guint64 least, guint64 most)
{
        const char *text = tb_config_env(name);
        guint64 value = 0;
        if (text && !g_ascii_string_to_unsigned(text, 10, least, most, &value, NULL))
                tb_config_env_problem(r, name,
                                      "must be a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                                      least, most);
        return value;
}

void tb_config_recordings_environment(TbRecordingsConfig *c, TbConfigReader *r)
{
        const char *text = tb_config_env("TESTBED_RECORDINGS_KEY");
        g_autoptr(GError) error = NULL;
        guint64 days = number(r, "RECORDING_RETENTION_DAYS", 1, DAYS_MOST),
                bytes = number(r, "RECORDING_MAX_FILE_SIZE", BYTES_LEAST, (guint64)BYTES_MOST);
        TbSealKeys *keys = text ? tb_seal_keys_parse(text, &error) : NULL;
        if (error)
                tb_config_env_problem(r, "TESTBED_RECORDINGS_KEY", "%s", error->message);
        if (keys) {
                tb_seal_keys_free(c->keys);
                c->keys = keys;
        }
        c->keep_days = days ? (guint)days : c->keep_days;
        c->most_bytes = bytes ? bytes : c->most_bytes;
}

void tb_config_recordings_clear(TbRecordingsConfig *c)
{
        tb_seal_keys_free(c->keys);
        c->keys = NULL;
}
