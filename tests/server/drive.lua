-- Neovim as a person uses it: opens app.py, waits, asks, chooses. What it sees goes to $SEEN as JSON.
-- The configuration of the server is the README's, in $CONFIGURATION.
local seen = {}

local function wait(what, condition)
  assert(vim.wait(30000, condition, 20), "waited in vain for " .. what)
end

local function codes()
  local found = {}
  for _, d in ipairs(vim.diagnostic.get(0)) do
    table.insert(found, { d.code, d.lnum, d.col, d.end_col, d.severity, d._tags and d._tags.deprecated or false })
  end
  table.sort(found, function(a, b) return a[2] * 1000 + a[3] < b[2] * 1000 + b[3] end)
  return found
end

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n") .. "\n"
end

local function count(n)
  wait(n .. " findings, not " .. #vim.diagnostic.get(0), function() return #vim.diagnostic.get(0) == n end)
end

-- Choose a code action at a place and give the text after it; `undo` takes it back.
local function choose(row, column, title, only)
  local before = text()
  vim.api.nvim_win_set_cursor(0, { row, column })
  vim.lsp.buf.code_action({
    apply = true,
    context = only and { only = { only }, diagnostics = {} } or nil,
    filter = function(action) return action.title:find(title, 1, true) ~= nil end,
  })
  wait(title, function() return text() ~= before end)
  return text()
end

local function undo(n)
  vim.cmd("silent undo")
  count(n)
end

local function run()
  vim.cmd("filetype on")
  vim.cmd("luafile " .. vim.env.CONFIGURATION)
  vim.cmd("silent edit app.py")
  wait("findings", function() return #vim.diagnostic.get(0) > 0 end)
  seen.opened = codes()
  local n = #seen.opened
  seen.encoding = vim.lsp.get_clients({ bufnr = 0 })[1].offset_encoding

  vim.api.nvim_win_set_cursor(0, { 4, 12 })
  vim.lsp.buf.hover()
  wait("hover", function() return #vim.api.nvim_list_wins() > 1 end)
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if window ~= vim.api.nvim_get_current_win() then
      seen.hover = table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), "\n")
      vim.api.nvim_win_close(window, true)
    end
  end

  seen.quick_fix = choose(4, 12, "chat.completions.create")
  undo(n)
  seen.ignored = choose(4, 12, "Ignore OAI101 on this line")
  count(n - 1)
  seen.after_ignored = codes()
  undo(n)

  -- Typed and not saved: the finding stands behind letters of several bytes.
  vim.api.nvim_buf_set_lines(0, -1, -1, false, { 'x = "é😀"; openai.Image.create(prompt="x")' })
  count(n + 1)
  seen.typed = codes()[n + 1]
  seen.fix_all = choose(1, 0, "Fix all safe", "source.fixAll")
  count(0)
  vim.cmd("silent write")

  -- Another file, which never says "openai", reads what this one gives, saved or not.
  vim.api.nvim_buf_set_lines(0, -1, -1, false, { "def ask():", "    return openai.Completion.create(model='m')" })
  vim.cmd("silent vsplit reads.py")
  wait("a finding in another file", function() return #vim.diagnostic.get(0) > 0 end)
  seen.other = codes()
end

local ok, problem = xpcall(run, debug.traceback)
seen.error = not ok and problem or nil
local file = assert(io.open(vim.env.SEEN, "w"))
file:write(vim.json.encode(seen))
file:close()
for _, client in ipairs(vim.lsp.get_clients()) do
  client:stop()
end
vim.wait(5000, function() return #vim.lsp.get_clients() == 0 end, 20)
vim.cmd("qall!")
