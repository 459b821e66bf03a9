#include "host/core/ops/room.h"

#include "host/core/ceiling.h"
#include "host/core/private.h"

struct TbRoomCall {
        TbCommand *command; /* borrowed; NULL: it has ended without us */
        void (*left)(void *data);
        void *data;
        gint64 deadline_us;
};

static void on_left(TbCommand *command)
{
        TbRoomCall *call = command->scratch;
        call->command = NULL;
        command->scratch = NULL;
        if (call->left)
                call->left(call->data);
}

TbRoomCall *tb_room_begin(TbCommand *command, bool is_there, const char *what)
{
        if (!is_there) {
                tb_command_fail(command,
                                g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE,
                                            "this host %s: it is starting or stopping", what),
                                NULL);
                return NULL;
        }
        TbRoomCall *call = g_new0(TbRoomCall, 1);
        call->command = command;
        call->deadline_us = command->call.deadline_us;
        command->scratch = call;
        tb_command_on_cancel(command, on_left);
        return call;
}

static TbCommand *end(TbRoomCall *call)
{
        TbCommand *command = call->command;
        if (command) {
                command->scratch = NULL;
                tb_command_on_cancel(command, NULL);
        }
        g_free(call);
        return command;
}

void tb_room_answer(TbRoomCall *call, json_t *result_take, GError *error_take)
{
        if (error_take) {
                tb_room_fail(call, error_take, NULL);
                return;
        }
        TbCommand *command = end(call);
        if (command)
                tb_command_succeed(command, result_take);
        else
                json_decref(result_take);
}

void tb_room_fail(TbRoomCall *call, GError *error_take, json_t *extra_take)
{
        TbCommand *command = end(call);
        if (command) {
                tb_command_fail(command, error_take, extra_take);
                return;
        }
        json_decref(extra_take);
        g_error_free(error_take);
}

void tb_room_on_left(TbRoomCall *call, void (*left)(void *data), void *data)
{
        call->left = left;
        call->data = data;
}

gint64 tb_room_deadline_us(const TbRoomCall *call)
{
        return call->deadline_us;
}

TbPlaceBy tb_room_by(const TbRoomCall *call)
{
        return call->command ? tb_actor_place(&call->command->actor) : (TbPlaceBy){.watches = true};
}
