#pragma once
/*
 * The subscriptions of one TbControl: bus events, samples, log lines and console bytes as JSON messages, each
 * at the pace of its reader. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/core/control/control_msg.h"
#include "host/core/core.h"

typedef struct TbControlStream TbControlStream;

/* `by`: its strings are borrowed for its life. */
TbControlStream *tb_control_stream_new(TbCore *core, const char *only_device, const TbPlaceBy *by,
                                       bool (*send)(const char *text, gsize size, gpointer data),
                                       gsize (*queued)(gpointer data), gpointer data);
void tb_control_stream_free(TbControlStream *stream);
/* `key` names the subscription for remove. Again = nothing changes. */
bool tb_control_stream_add(TbControlStream *stream, const char *key, const TbTopic *topic, gint64 from,
                           GError **error);
void tb_control_stream_remove(TbControlStream *stream, const char *key);
void tb_control_stream_resume(TbControlStream *stream); /* the carrier can take more */
