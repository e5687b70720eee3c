// The order matters: tokens first, then what is built from them.
import './tokens.css';
import './base.css';
import './controls.css';
import './frame.css';
import './components.css';
import './overview.css';
import './registers.css';
import './fields.css';
import './grid.css';
import './inspector.css';
import './history.css';
import './targets.css';
import './overlays.css';
