#include "host/media/link/viewer_state.h"

const char *tb_viewer_state_name(TbViewerState state)
{
        switch (state) {
        case TB_VIEWER_NEW: return "new";
        case TB_VIEWER_CONNECTING: return "connecting";
        case TB_VIEWER_CONNECTED: return "connected";
        case TB_VIEWER_DISCONNECTED: return "disconnected";
        case TB_VIEWER_CLOSED: return "closed";
        }
        return "?";
}
