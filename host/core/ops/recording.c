/* The verbs of the flight recorder, which is a room above core: they are checked here and answered there (host/core/recording.h). */
#include "host/core/recording.h"

#include "host/core/ops/room.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"

void tb_core_set_recorder(TbCore *core, const TbRecordingOps *ops, void *data)
{
        core->recorder = ops;
        core->recorder_data = data;
}

void tb_command_tell_input(TbCommand *c, const json_t *events, const void *bytes, gsize size)
{
        const TbRecordingOps *ops = c->core->recorder;
        if (!ops || !ops->input || !c->iface || !c->device)
                return;
        const TbRecordingInput input = {.interface = tb_interface_name(c->iface),
                                        .user = c->actor.user,
                                        .via = c->actor.via,
                                        .t_ms = c->sent_ms ? c->sent_ms : tb_clock_ms(),
                                        .events = events,
                                        .bytes = bytes,
                                        .size = size,
                                        .failed = c->call.error ? tb_error_detail(c->call.error) : NULL};
        ops->input(c->device, &input, c->core->recorder_data);
}

static TbRoomCall *begin(TbCommand *command)
{
        return tb_room_begin(command, command->core->recorder != NULL, "does not record now");
}

static void get(TbCommand *command)
{
        TbRoomCall *call = begin(command);
        if (call)
                command->core->recorder->get(call, command->device, command->core->recorder_data);
}

static void set(TbCommand *command)
{
        TbRoomCall *call = begin(command);
        if (call)
                command->core->recorder->set(call, command->device, command->params,
                                             command->core->recorder_data);
}

static void clip(TbCommand *command)
{
        TbRoomCall *call = begin(command);
        if (call)
                command->core->recorder->clip(call, command->device, command->params, &command->actor,
                                              command->core->recorder_data);
}

static const TbParam set_params[] = {
        {.name = "mode",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("off", "armed", "on"),
         .help = "off; armed: the last seconds in memory, nothing is written until something happens; on: "
                 "all "
                 "of it is written"},
        {.name = "pre_s",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_RECORD_PRE_S,
         .unit = "s",
         .help = "that are kept in memory"},
        TB_PARAM_END,
};

static const TbParam clip_params[] = {
        {.name = "pre_s",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = TB_LIMIT_CLIP_PRE_S,
         .fallback = "10",
         .unit = "s",
         .help = "before now"},
        {.name = "post_s",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = TB_LIMIT_CLIP_POST_S,
         .fallback = "5",
         .unit = "s",
         .help = "from now on"},
        {.name = "note", .type = TB_PARAM_STRING, .max = TB_LIMIT_CLIP_NOTE, .help = "what it is about"},
        TB_PARAM_END,
};

#define PATH "/host/devices/{id}/recording"

const TbVerbRun tb_recording_verbs[] = {
        {.verb = {.noun = "recording",
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_QUIET,
                  .timeout_ms = 10000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = PATH,
                  .summary = "How this device is recorded, and of which times there is something",
                  .answers = "200 application/json Recording"},
         .start = get},
        {.verb = {.noun = "recording",
                  .op = "set",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_FINISHES,
                  .timeout_ms = 10000,
                  .params = set_params,
                  .method = "PATCH",
                  .path = PATH,
                  .summary = "Record it, keep its last seconds in memory, or neither; kept across restarts",
                  .answers = "200 application/json Recording"},
         .start = set},
        {.verb = {.noun = "recording",
                  .op = "clip",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_FINISHES,
                  .timeout_ms = 10000,
                  .params = clip_params,
                  .method = "POST",
                  .path = "/host/devices/{id}/clips",
                  .summary =
                          "Keep the seconds before and after now: {\"clip\"}; an event recording.clip tells "
                          "when it is ready",
                  .answers = "202 application/json ClipOrder; 409"},
         .start = clip},
        {.verb = {.op = NULL}},
};
