#include "server/events/state.h"

#include <string.h>

static const char *const names[TB_EVENT_STATES] = {"queued", "processing", "done", "failed", "canceled"};

bool tb_event_next(TbEventState now, TbEventAct act, TbEventState *ret)
{
        bool open = now == TB_EVENT_QUEUED || now == TB_EVENT_PROCESSING;
        bool goes = false;
        TbEventState to = now;
        switch (act) {
        case TB_EVENT_UPLOADED:
                goes = now == TB_EVENT_QUEUED;
                to = TB_EVENT_PROCESSING;
                break;
        case TB_EVENT_SUMMARY:
                goes = open || now == TB_EVENT_DONE;
                to = TB_EVENT_DONE;
                break;
        case TB_EVENT_FAILURE:
                goes = open || now == TB_EVENT_FAILED;
                to = TB_EVENT_FAILED;
                break;
        case TB_EVENT_CANCEL:
                goes = open;
                to = TB_EVENT_CANCELED;
                break;
        }
        if (goes)
                *ret = to;
        return goes;
}

const char *tb_event_state_name(TbEventState state)
{
        return names[state];
}

bool tb_event_state_parse(const char *text, TbEventState *ret)
{
        for (int i = 0; text && i < TB_EVENT_STATES; i++)
                if (strcmp(names[i], text) == 0) {
                        *ret = (TbEventState)i;
                        return true;
                }
        return false;
}
