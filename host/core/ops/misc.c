/* The kinds with a verb or two: logs, video, audio, instrument. */
#include "host/core/find.h"
#include "host/core/ops/room.h"
#include "host/core/private.h"
#include "lib/limits.h"

/* --- logs --- */
static const TbParam logs_params[] = {
        TB_PARAM_LINES,
        TB_PARAM_END,
};

const TbVerbRun tb_logs_verbs[] = {
        {.verb = {.kind = TB_KIND_LOGS,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 10000,
                  .params = logs_params,
                  .method = "GET",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Log lines as they come; ?from= replays",
                  .answers = "200 text/event-stream"},
         .start = tb_command_lines},
        {.verb = {.op = NULL}},
};

/* --- video, audio: pictures and sound go through the media room; core only knows the state --- */
static void media_get(TbCommand *c)
{
        json_t *o = json_pack("{s:s}", "state", tb_state_name(c->iface->state));
        if (c->iface->reason)
                json_object_set_new(o, "reason", json_string(c->iface->reason));
        tb_command_succeed(c, o);
}

void tb_core_set_finder(TbCore *core, TbFinds finds, void *data)
{
        core->finds = finds;
        core->finds_data = data;
}

static bool has_letter(const char *text)
{
        for (; *text; text = g_utf8_next_char(text))
                if (!g_unichar_isspace(g_utf8_get_char(text)) && g_unichar_isprint(g_utf8_get_char(text)))
                        return true;
        return false;
}

static void find(TbCommand *c)
{
        if ((tb_command_string(c, "image") != NULL) == (tb_command_string(c, "text") != NULL)) {
                GError *error = NULL;
                tb_error_set_field(&error, TB_ERROR_INVALID, "image", "give either \"image\" or \"text\"");
                tb_command_fail(c, error, NULL);
                return;
        }
        const char *text = tb_command_string(c, "text");
        if (text && !has_letter(text)) {
                GError *error = NULL;
                tb_error_set_field(&error, TB_ERROR_INVALID, "text",
                                   "a text of blanks alone is on every screen: say some letters");
                tb_command_fail(c, error, NULL);
                return;
        }
        TbRoomCall *call = tb_room_begin(c, c->core->finds != NULL, "looks at no screen now");
        if (call)
                c->core->finds(call, c->iface, c->params, c->core->finds_data);
}

static const TbParam find_params[] = {
        {.name = "image",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_NEEDLE,
         .help = "base64 of a PNG: it, or its areas, are looked for"},
        {.name = "text",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_FIND_TEXT,
         .help = "that is read, in any case"},
        {.name = "areas",
         .type = TB_PARAM_ARRAY,
         .min = 1,
         .max = TB_LIMIT_NEEDLE_AREAS,
         .help = "of the image, all of which must be there: {x, y, width, height, match, margin}, as "
                 "openQA's needles; "
                 "each may have moved by its margin (50 pixels)"},
        {.name = "match",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = 100,
         .fallback = "96",
         .unit = "%",
         .help = "likeness that is enough, 96 or 0.96: 100 - the root mean square of the differences; unlike "
                 "pictures have about 70"},
        {.name = "area",
         .type = TB_PARAM_OBJECT,
         .help = "{x, y, width, height} of the screen, in pixels: only there"},
        {.name = "language",
         .type = TB_PARAM_STRING,
         .min = 3,
         .max = 64,
         .fallback = "\"eng\"",
         .help = "of the text, as Tesseract calls it: eng, deu, eng+deu"},
        {.name = "timeout_s",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = TB_LIMIT_COMMAND_S,
         .fallback = "10",
         .unit = "s",
         .help = "how long to look"},
        {.name = "screenshot",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "the answer has the picture, base64 of a JPEG"},
        TB_PARAM_END,
};

const TbVerbRun tb_video_verbs[] = {
        {.verb = {.kind = TB_KIND_VIDEO,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Size, rate, state, viewers",
                  .answers = "200 application/json Video"},
         .start = media_get},
        {.verb = {.kind = TB_KIND_VIDEO,
                  .op = "find",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_QUIET,
                  .timeout_ms = 10000,
                  .params = find_params,
                  .method = "POST",
                  .path = "/find",
                  .summary = "Look for a picture or a text on the live screen until it is there: where, how "
                             "well, and the picture",
                  .answers = "200 application/json Found; 429; 501; 504"},
         .start = find},
        {.verb = {.op = NULL}},
};

const TbVerbRun tb_audio_verbs[] = {
        {.verb = {.kind = TB_KIND_AUDIO,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Format, state, level, listeners",
                  .answers = "200 application/json Audio"},
         .start = media_get},
        {.verb = {.op = NULL}},
};

/* --- instrument --- */
static bool exec_query(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        g_autofree char *reply = NULL;
        if (!TB_STEP(c, instance->lane->instrument->query, instance, io, tb_command_string(c, "query"),
                     &reply, error))
                return false;
        g_autofree char *valid = g_utf8_make_valid(reply ? reply : "", -1);
        c->result = json_pack("{s:s}", "reply", valid);
        return true;
}

static void query(TbCommand *c)
{
        tb_command_dispatch(c, exec_query, NULL);
}

static const TbParam query_params[] = {
        {.name = "query",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_LINE,
         .help = "*IDN?"},
        {.name = "timeout_s",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = TB_LIMIT_COMMAND_S,
         .fallback = "10",
         .unit = "s",
         .help = "how long to wait"},
        TB_PARAM_END,
};

const TbVerbRun tb_instrument_verbs[] = {
        {.verb = {.kind = TB_KIND_INSTRUMENT,
                  .op = "query",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 10000,
                  .params = query_params,
                  .method = "POST",
                  .path = "",
                  .summary = "Ask an instrument",
                  .answers = "200 application/json Reply"},
         .start = query},
        {.verb = {.op = NULL}},
};
